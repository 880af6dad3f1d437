"""Choices: recorded with the entry that proves them, and with their effects, in one transaction."""
