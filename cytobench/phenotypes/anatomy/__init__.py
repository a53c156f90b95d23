"""The benchmark of biological consistency: where stains lie about the nucleus, and how large it is."""
