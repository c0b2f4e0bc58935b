"""What a sequence is, in a table: as text, and for notebooks.

Reading order: `saying` (parts of it in a few words), `table` (the table itself, as text and as
HTML).
"""
