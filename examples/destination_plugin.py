"""A plugin that tells one recipient of erasures and withdrawals: here, by a queue in memory.

A real one posts to the recipient's interface and raises where the answer is no success: the notice
then waits for the next ``knowingly maintain``. Name the module in ``pyproject.toml``::

    [project.entry-points.knowingly]
    mailer = "your_package.mailer"

and the recipient in ``policy.toml``::

    [recipients.mailer]
    name = "Mailer Ltd"
    role = "processor"
    country = "IE"
"""

from collections import deque

from knowingly import Destination, Notice, hookimpl


class Mailer:
    """Deletes a person's address at the mailer, once for each notice."""

    def __init__(self) -> None:
        self.queue: deque[str] = deque()
        self.seen: set[str] = set()

    def tell(self, notice: Notice) -> None:
        """Called again with the same notice after a crash: its id says so."""
        if notice.id not in self.seen:
            self.queue.extend(f"{notice.kind} {reference}" for reference in notice.references)
            self.seen.add(notice.id)


MAILER = Mailer()


@hookimpl
def knowingly_destinations() -> dict[str, Destination]:
    """Called once when a shop is opened."""
    return {"mailer": MAILER}
