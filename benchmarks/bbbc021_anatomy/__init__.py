"""The benchmark ``bbbc021-anatomy``."""
