"""The representation methods of CytoBench, one folder each: card.yaml, method.py and, where it is trained, recipe.yaml."""
