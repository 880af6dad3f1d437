"""Where an import stands, saved in the transaction of the rows before that place.

So the two cannot disagree: after a crash the next import of the file goes on behind the last row
that is in, with the report as it was there.
"""

import hashlib
import json
from collections import Counter

from knowingly.domain.intake import Refusal
from knowingly.errors import FileError
from knowingly.importing.lines import START, Mark
from knowingly.importing.report import ImportReport
from knowingly.importing.tables import Table
from knowingly.store import imports
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.imports import Standing
from knowingly.tenancy import Tenancy


class SavedProgress:
    """The saved place of one file's import.

    It is found by a keyed hash of the path, and fits only the file of the same bytes that is
    imported in the same way: another file would be cut at an arbitrary place.
    """

    def __init__(self, tenancy: Tenancy, table: Table, *, strict: bool) -> None:
        self._tenancy, self.table, self.strict = tenancy, table, strict
        with table.path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        how = table.mapping.model_dump_json() if table.mapping else table.kind.name
        name = tenancy.keyring.import_name
        self._source = name("path", str(table.path.absolute()))
        self._fingerprint = name("bytes", self.digest, how, str(strict))
        self._saved: Mark | None = None
        self._refused = 0

    @property
    def line(self) -> int:
        """The last line that is in; 0 for none."""
        return self._saved.line if self._saved else 0

    def find(self) -> tuple[Mark, ImportReport]:
        """Where to go on, and the report up to there.

        Raises:
            FileError: The file, or how it is imported, is not what it was.
        """
        report = ImportReport(self.table.path.name, self.table.kind.name, unread=self.table.unread)
        standing, refused = self._tenancy.ask(self._look)
        if standing is None:
            return START, report
        if standing.fingerprint != self._fingerprint:
            raise FileError(
                f"{report.file}: an import of it was stopped after line {standing.line}, and the "
                "file, its mapping or --strict has changed since; nothing was read: read it from "
                "the start with --restart (restart=True)"
            )
        self._saved = Mark(standing.position, standing.line)
        self._refused = len(refused)
        report.rows, report.kept = standing.rows, standing.kept
        report.duplicates = standing.duplicates
        counts = json.loads(standing.counts)
        report.dropped, report.evidence = Counter(counts["dropped"]), Counter(counts["evidence"])
        report.weak = counts["weak"]
        report.refused = [Refusal(*one) for one in refused]
        report.resumed_after = standing.line
        return self._saved, report

    def _look(self, snapshot: Snapshot) -> tuple[Standing | None, list[imports.Refused]]:
        standing = imports.find(snapshot, self._source)
        return standing, imports.refusals(snapshot, self._source) if standing else []

    def save(self, tx: Tx, mark: Mark, report: ImportReport) -> None:
        """Say that everything before a place is in, in the transaction that took it in.

        Raises:
            FileError: Somebody else imports the same file at this moment.
        """
        there = imports.find(tx, self._source)
        if self._saved != (Mark(there.position, there.line) if there else None):
            raise FileError(f"{report.file}: another import of it is under way; that one goes on")
        new = [(one.row, one.field, one.expected) for one in report.refused[self._refused :]]
        imports.add_refusals(tx, self._source, new, first=self._refused)
        counts = {"dropped": report.dropped, "evidence": report.evidence, "weak": report.weak}
        standing = Standing(
            self._fingerprint,
            mark.position,
            mark.line,
            report.rows,
            report.kept,
            report.duplicates,
            json.dumps(counts),
            self._tenancy.now_us(),
        )
        imports.save(tx, self._source, standing)
        self._saved, self._refused = mark, len(report.refused)

    def forget(self) -> None:
        """Have nothing to go on with: the import has ended, or is to begin from the start."""
        with self._tenancy.write() as tx:
            imports.drop(tx, self._source)
        self._saved, self._refused = None, 0
