"""The benchmark of realism: generated cells against real ones, in a declared feature space."""
