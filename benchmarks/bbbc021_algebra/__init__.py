"""The benchmark ``bbbc021-algebra``."""
