"""Typed results, their keys and provenance, and the folders they lie in; no torch."""
