"""This process's counters: how pages stood, and what became of events."""

import threading
from collections import Counter
from typing import Any

from knowingly.domain.intake import Intake
from knowingly.domain.page import Page


class Counters:
    """Counts since the process opened the shop; nothing about any person."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: Counter[str] = Counter()
        self._why: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()

    def page(self, page: Page, asked: int) -> None:
        """Count one page that was asked for ``asked`` hits."""
        with self._lock:
            self._pages[page.basis.value] += 1
            self._why[page.why] += 1
            self._totals["hits"] += len(page.hits)
            self._totals["asked"] += asked
            self._totals["degraded"] += bool(page.notes)

    def intake(self, intake: Intake) -> None:
        """Count one call of ``track``."""
        with self._lock:
            self._totals["kept"] += intake.kept
            self._totals["duplicates"] += intake.duplicates
            self._totals["refused"] += len(intake.refused)
            self._dropped.update(intake.dropped)

    def people_unreadable(self, people: int) -> None:
        """Note how many people the last training could not read."""
        with self._lock:
            self._totals["unreadable"] = people

    def as_dict(self) -> dict[str, Any]:
        """The counters by name."""
        with self._lock:
            asked = self._totals["asked"]
            return {
                "pages": dict(self._pages),
                "decisions": dict(self._why),
                "fill_rate": self._totals["hits"] / asked if asked else 1.0,
                "pages_degraded": self._totals["degraded"],
                "events_kept": self._totals["kept"],
                "events_duplicate": self._totals["duplicates"],
                "events_refused": self._totals["refused"],
                "events_dropped": dict(self._dropped),
                "people_unreadable": self._totals["unreadable"],
            }
