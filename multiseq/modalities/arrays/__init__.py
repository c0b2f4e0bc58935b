"""Arrays that are not in memory, or not NumPy's."""
