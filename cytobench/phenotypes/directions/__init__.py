"""Directions of noise space that change one property of a cell, and what else changes with it."""
