"""What a user hands in, for the modalities that share it: lists and dicts, tables, files."""
