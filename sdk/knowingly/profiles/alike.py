"""People who answered alike: what their choices allow is decided once for all of them.

Most people choose once, on one banner, and give one of a few answers. No rule of a decision goes by
the date of a choice, each by how long ago it was made. So what was decided for somebody holds for
whoever answered the same as long ago, or longer, until it runs out.
"""

from collections.abc import Sequence

from knowingly.profiles.permission import Permission, permission
from knowingly.store import consents
from knowingly.store.consents import SAID, ChoiceRow
from knowingly.tenancy import Tenancy

KEPT_ANSWERS = 1_000
_CHOSE_US = 1
"""When everybody is taken to have chosen; 0 is when nobody did."""


class Alike:
    """The permissions of one tenant's people by what they answered.

    Kept is what was decided of the youngest choice before each moment at which something runs out.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[ChoiceRow, ...], dict[int, Permission]] = {}
        self._nobody: Permission | None = None

    def nobody(self, tenancy: Tenancy, now_us: int) -> Permission:
        """What is allowed of who never chose anything: no date counts, and nothing runs out."""
        if self._nobody is None:
            self._nobody = permission(tenancy, (), now_us)
        return self._nobody

    def permission(self, tenancy: Tenancy, rows: Sequence[ChoiceRow], now_us: int) -> Permission:
        """What these choices of one person allow now."""
        if not rows:
            return self.nobody(tenancy, now_us)
        if not _is_one_act(rows, now_us):
            return permission(tenancy, [consents.as_record(row) for row in rows], now_us)
        later_us = rows[0][0] - _CHOSE_US
        answers = tuple([row[SAID:] for row in rows])
        kept = self._kept.get(answers, {})
        for one in kept.values():
            if one.from_us <= now_us - later_us < one.until_us:
                return one.later(later_us)
        fresh = permission(tenancy, [consents.as_record(row) for row in rows], now_us)
        if not kept:
            if len(self._kept) >= KEPT_ANSWERS:
                self._kept.clear()
            self._kept[answers] = kept
        one = fresh.later(-later_us)
        kept[one.until_us] = one
        return fresh


def _is_one_act(rows: Sequence[ChoiceRow], now_us: int) -> bool:
    """Whether all was chosen at one moment, and no clock makes that doubtful."""
    when = rows[0][:SAID]
    chose_us, received_us, _ = when
    return 0 < chose_us <= received_us <= now_us and all(row[:SAID] == when for row in rows)
