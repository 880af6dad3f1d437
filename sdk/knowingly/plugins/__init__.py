"""Plugins: found through their entry points, checked each alone, and kept by a host."""
