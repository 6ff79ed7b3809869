"""The counts of an analysis in the files that other programs read."""
