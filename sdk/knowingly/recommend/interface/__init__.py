"""What authors write against: algorithms, what they are fitted on, and what models are asked."""
