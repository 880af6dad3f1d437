"""Retention: what is kept loses the purposes that may not use it any more; rows with none go.

Purposes end without a new choice when a permission runs out or a new policy asks for another one,
when a purpose's or a field's days are over, and when either is not declared any more. Models forget
first. A person under a legal hold loses purposes like anybody, and no row.
"""
