"""Tell recipients by a folder of JSON files: for whoever fetches them, or a script that sends them.

``KNOWINGLY_NOTIFICATIONS`` in the environment names the folder; without it this plugin tells
nobody. Each recipient has a folder of its own in it, and each notification is one file there, named
by its id: told twice, it is written twice and is the same. The files hold personal values, so only
their owner can read them. Delete them when they were passed on.
"""

import os
from pathlib import Path

from knowingly import Destination, Notification, hookimpl

VARIABLE = "KNOWINGLY_NOTIFICATIONS"


class NotificationFolder:
    """A folder of notifications, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tell(self, notification: Notification) -> None:
        """Write the notification whole, or raise."""
        place = self.folder / notification.recipient
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = place / f".{notification.id}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(notification.to_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place / f"{notification.id}.json")


@hookimpl
def knowingly_destinations() -> dict[str, Destination]:
    """Every recipient that no other plugin tells, where a folder is named."""
    folder = os.environ.get(VARIABLE)
    return {"*": NotificationFolder(Path(folder))} if folder else {}
