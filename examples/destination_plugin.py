"""A plugin that tells one recipient of erasures and withdrawals: here, by a queue in memory.

A real one posts to the recipient's interface and raises where the answer is no success: the
notification then waits for the next ``knowingly maintain``. Name the module in ``pyproject.toml``::

    [project.entry-points.knowingly]
    mailer = "your_package.mailer"

and the recipient in ``policy.toml``::

    [recipients.mailer]
    name = "Mailer Ltd"
    role = "processor"
    country = "IE"
"""

from collections import deque

from knowingly import Destination, Notification, hookimpl


class Mailer:
    """Deletes a person's address at the mailer, once for each notification."""

    def __init__(self) -> None:
        self.queue: deque[str] = deque()
        self.seen: set[str] = set()

    def tell(self, notification: Notification) -> None:
        """Called again with the same notification after a crash: its id says so."""
        if notification.id not in self.seen:
            self.queue.extend(
                f"{notification.kind} {reference}" for reference in notification.references
            )
            self.seen.add(notification.id)


MAILER = Mailer()


@hookimpl
def knowingly_destinations() -> dict[str, Destination]:
    """Called once when a shop is opened."""
    return {"mailer": MAILER}
