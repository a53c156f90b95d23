"""The benchmark ``bbbc021-channels``."""
