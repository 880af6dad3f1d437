"""Events come in: a batch is read, each person asked for, and what is allowed kept."""
