"""What models make of cells: synthesis, interpolation, algebra, and how all of it compares with real cells."""
