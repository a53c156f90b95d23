"""The benchmark of relations between channels: what is drawn from each, and from their agreement."""
