"""Fitting, publishing and forgetting."""
