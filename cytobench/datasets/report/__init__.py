"""A page of pictures and counts of a prepared store."""
