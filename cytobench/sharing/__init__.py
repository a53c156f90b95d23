"""Checkpoints that are shared: exported into one safe folder, fetched from elsewhere and verified."""
