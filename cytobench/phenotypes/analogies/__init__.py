"""The benchmark of vector algebra: hundreds of analogies, against what their base alone would give."""
