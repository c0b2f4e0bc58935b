"""What the modalities read with, in a folder each where that is more than a file."""
