"""How methods are trained: recipes, the trainer and its checkpoints."""
