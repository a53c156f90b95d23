"""BBBC021 mechanism of action by not-same-compound nearest neighbours (Ljosa et al. 2013)."""
