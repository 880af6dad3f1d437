"""What an import tells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowingly.consent.past import Taken
from knowingly.domain.intake import Intake, Refusal
from knowingly.importing.tables import Batch


@dataclass(slots=True)
class ImportReport:
    """What became of a file's rows; ``refused`` by line of the file.

    Of a file of choices ``evidence`` counts those that were kept by the quality of their evidence,
    and ``weak`` those of them that are a yes with less than the policy asks for, which grants
    nothing. ``written`` is false where nothing was: in a rehearsal, or for a file refused whole.
    ``resumed_after`` is the line after which an import that had been stopped went on, 0 for one
    from the start; the counts are of the whole file all the same. ``unread`` are the columns that
    the mapping does not name.

    Stability: stable.
    """

    file: str
    kind: str
    written: bool = True
    rows: int = 0
    kept: int = 0
    duplicates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    evidence: Counter[str] = field(default_factory=Counter)
    weak: int = 0
    resumed_after: int = 0
    unread: Sequence[str] = ()

    def add(self, batch: Batch, intake: Intake, taken: Taken | None = None) -> None:
        """Count one batch."""
        self.rows += len(batch.rows) + len(batch.refused)
        self.kept += intake.kept
        self.duplicates += intake.duplicates
        self.dropped.update(intake.dropped)
        self.refused += batch.at_line(intake.refused)
        if taken is not None:
            self.evidence.update(taken.evidence)
            self.weak += taken.weak

    def reasons(self) -> Counter[str]:
        """Refused rows by field and expectation."""
        return Counter(f"{one.field}: expected {one.expected}" for one in self.refused)
