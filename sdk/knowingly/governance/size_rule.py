"""Below how many people a noisy bestseller list says nothing, so that no budget is spent on it."""

import math

from knowingly.errors import InputError

_PEOPLE_PER_SCALE = 95


def min_people(epsilon: float, top: int) -> int:
    """The people who must be measured before a noisy top list is worth its privacy loss.

    ``ceil(95 * sqrt(top) / epsilon)``, fitted to a grocer's year (2,469 households, 92,331 listed
    products) with zCDP at delta 1e-6. At this size 82 to 86 % of a released list of ten or twenty
    were true bestsellers, for every epsilon from 0.25 to 4; at half of it, 35 to 52 %. For a list
    of ten, in percent, the mean of 20 draws::

        people  epsilon 0.25   0.5     1     2     4
           100             0     1    15    66    87
           300             2    50    86    90    97
         1,000            82    94    98   100   100
        rule says      1,202   601   301   151    76

    It holds for goods as concentrated as that grocer's, where the tenth product was bought by 39 %
    of the households. Where tastes are more spread out a list needs more people; with fewer
    candidates it needs fewer. ``tests/bench/size_rule.py`` measures it.

    Args:
        epsilon: Privacy loss of the one release, at delta 1e-6, > 0.
        top: Length of the list, >= 1.

    Returns:
        People who agreed to be measured in the period. That number is treated as public.

    Raises:
        InputError: ``epsilon`` or ``top`` is out of range.

    Stability: internal.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise InputError("epsilon", "a finite number above 0")
    if top < 1:
        raise InputError("top", "at least 1")
    return math.ceil(_PEOPLE_PER_SCALE * math.sqrt(top) / epsilon)
