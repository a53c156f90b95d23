"""Generated cells beside real ones: pictures, and arrays for analysis."""
