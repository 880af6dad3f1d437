"""What a recipient of somebody's data is told, and who tells it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

NotificationKind = Literal["erasure", "withdrawal", "restriction", "rectification", "removal"]


@dataclass(frozen=True, slots=True, repr=False)
class Notification:
    """Word to one recipient of what became of a person's data (GDPR art. 19).

    ``kind`` is ``erasure``, ``withdrawal`` (an agreement ended, so that ``purposes`` are denied),
    ``restriction`` (keep it, and do not use it), ``rectification`` (values of ``fields`` were put
    right) or ``removal`` (values of ``fields`` were deleted).

    ``id`` is random and the same each time the notification is sent: a recipient that has seen it
    has nothing left to do. ``references`` are the names the recipient knows the person by, ``what``
    was given to it, ``purposes`` what for. ``fields`` are names of the data map; the values are not
    told, because not every recipient may have them. It is for that recipient, and holds personal
    values: its ``repr`` shows none.

    Stability: plugin.
    """

    id: str
    kind: NotificationKind
    recipient: str
    tenant: str
    at: datetime
    references: tuple[str, ...]
    what: tuple[str, ...]
    purposes: tuple[str, ...]
    fields: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Notification(kind={self.kind!r}, recipient={self.recipient!r})"

    def to_json(self) -> str:
        """The notification as a document."""
        return json.dumps({**asdict(self), "at": self.at.isoformat()}, indent=2)


@runtime_checkable
class Destination(Protocol):
    """Whoever passes notifications on to a recipient.

    Stability: plugin.
    """

    def tell(self, notification: Notification) -> None:
        """Tell the recipient, and return once it has the notification.

        Whatever is raised means that it has not: the same notification is tried again at the next
        ``maintain``. It can also come twice, after a crash: pass its ``id`` on.

        Args:
            notification: What to tell.
        """
