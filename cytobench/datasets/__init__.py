"""What is scored: stores of cell images, tables of profiles, and the plate maps they come from."""
