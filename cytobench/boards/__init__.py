"""Boards: generated from scores, never written by hand; no torch."""
