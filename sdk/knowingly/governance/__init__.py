"""What is released of everyone at once, and what it costs: noise, budget, rights and retention."""
