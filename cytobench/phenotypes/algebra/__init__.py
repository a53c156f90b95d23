"""Adding and subtracting phenotypes: the expressions, their result, what is nearest to it."""
