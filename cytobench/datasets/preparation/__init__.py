"""From an image set to a cell store."""
