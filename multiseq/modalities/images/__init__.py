"""Bytes of image files into arrays of one size."""
