"""First-party algorithms, each written as a stranger would write it: they import the door only."""
