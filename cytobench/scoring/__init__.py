"""Scores on arrays and tables: nearest neighbours, retrieval and their uncertainty; no torch."""
