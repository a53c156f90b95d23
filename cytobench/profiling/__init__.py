"""From cells to wells to treatments, and the post-processing panel between; arrays and tables only, no torch."""
