"""How much of a score is protocol: the same profiles scored under every choice that papers make and seldom state."""
