"""Windows of long series."""
