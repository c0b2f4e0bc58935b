"""What a user hands in, by itself: lists and dicts, tables, files, archives, databases."""
