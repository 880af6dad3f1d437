"""SQL: the only room that speaks it.

``Database`` opens one file or server; ``Store`` adds the two doors every other room goes through,
``write(tenant)`` and ``read(tenant)``. The remaining modules hold the statements, one table family
each, as functions of the transaction they are handed.
"""
