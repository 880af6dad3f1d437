"""The models that ship: scores, neighbours, weights, factors and vectors of items."""
