"""Algorithms and what fitting them gives: item-side arrays, asked with a history, never an id."""
