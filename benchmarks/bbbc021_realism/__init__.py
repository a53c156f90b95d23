"""The benchmark ``bbbc021-realism``."""
