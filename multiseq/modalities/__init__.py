"""One class a file, each a leaf of the hierarchy; they never import one another."""
