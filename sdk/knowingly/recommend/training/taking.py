"""What is taken from an algorithm's counts when somebody is forgotten, or a part of what they did.

Of a part: what all of it counted, less what stays counts. A count can grow by that, as where people
are counted by how much they chose: whoever chose less now is counted with others.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import CountingAlgorithm
from knowingly.recommend.interface.arrays import Matrix, Rows
from knowingly.recommend.interface.block import Block
from knowingly.recommend.interface.counts import touched_rows


class Taken(NamedTuple):
    """What counts have less by: ``delta = fallen - grown``, in the rows ``touched``.

    ``grown`` is None where nothing grew, as whenever somebody is forgotten whole.
    """

    touched: Rows
    delta: Matrix
    fallen: Matrix
    grown: Matrix | None = None


def taken(algorithm: CountingAlgorithm[Any], learned: Block, left: Block | None) -> Taken:
    """What forgetting ``learned`` takes, where ``left`` of it stays.

    Raises:
        PluginError: The algorithm cannot count one of them.
    """
    delta = guard.count(algorithm, learned)
    if left is None:
        with guard.guarded(algorithm.name, "forget"):
            return Taken(touched_rows(delta), delta, delta)
    stays = guard.count(algorithm, left)
    with guard.guarded(algorithm.name, "forget"):
        return _between(delta, stays)


def _between(learned: Matrix | NDArray[np.integer], left: Matrix | NDArray[np.integer]) -> Taken:
    from scipy.sparse import csr_array  # noqa: PLC0415  # slow to import; pages do without

    for counts in (learned, left):
        if not np.issubdtype(counts.dtype, np.integer):
            raise ValueError("counts: expected integers")
    delta = csr_array(learned).astype(np.int64) - csr_array(left).astype(np.int64)
    delta.eliminate_zeros()
    touched = np.flatnonzero(np.diff(delta.indptr))
    if delta.data.min(initial=0) >= 0:
        return Taken(touched, delta, delta)
    return Taken(touched, delta, delta.maximum(0), (-delta).maximum(0))
