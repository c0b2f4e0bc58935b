"""The commands of `python -m multiseq`: what is looked at, and how reports are printed."""
