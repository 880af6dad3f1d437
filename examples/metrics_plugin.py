"""A plugin that hands a shop's counters to a metrics system: here, to the log.

Put the function in a module of your own package and name it in ``pyproject.toml``::

    [project.entry-points.knowingly]
    metrics = "your_package.metrics"
"""

import logging
from collections.abc import Mapping
from typing import Any

from knowingly import hookimpl

logger = logging.getLogger("your_package.metrics")


@hookimpl
def knowingly_stats(tenant: str, stats: Mapping[str, Any]) -> None:
    """Called whenever ``shop.stats()`` is read, and by ``maintain``."""
    for basis, pages in stats["pages"].items():
        logger.info("knowingly_pages tenant=%s basis=%s total=%d", tenant, basis, pages)
    logger.info("knowingly_fill_rate tenant=%s value=%.3f", tenant, stats["fill_rate"])
