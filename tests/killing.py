"""How a test kills the process it runs in at a point of its choice."""

import os
import signal
from collections.abc import Callable

from sqlalchemy import Engine, Pool, event


def arm(limit: int | None) -> Callable[[], int]:
    """Kill this process at the point ``limit``; without one, count the points there are."""
    seen = 0

    def point(*_args: object) -> None:
        nonlocal seen
        if seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    event.listen(Engine, "before_cursor_execute", point)
    event.listen(Engine, "commit", point)
    # What the raw connection does, such as the truncating checkpoint, lies behind a check-out.
    event.listen(Pool, "checkout", point)
    event.listen(Pool, "checkin", point)
    return lambda: seen
