"""Cells -> vectors: one loop for every method, on one processor or many, that goes on where it was stopped."""
