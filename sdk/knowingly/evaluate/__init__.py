"""Offline evaluation: how good a ranking is, by definitions that are named."""
