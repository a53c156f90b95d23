"""Going from cell to cell: paths in noise and between codes, and how smooth they are."""
