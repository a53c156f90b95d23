"""Fields of view to cells: illumination, segmentation, cropping; arrays in, arrays out."""
