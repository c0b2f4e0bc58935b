"""Databases: what is asked of them, and who reads the rows."""
