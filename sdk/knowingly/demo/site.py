"""The demo's folder: made, recognised by its marker, and cleaned before the next run."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowingly import InputError, InternalError, default_policy_text, write_root_key

MARKER = ".knowingly-demo.json"
_MADE_BY = "knowingly demo"
_DATABASES = ("shop", "before-erasure", "tampered")
EVALUATION = "evaluation.html"
_PAPERS = (
    "policy.toml",
    "knowingly.key",
    EVALUATION,
    "household-d.json",
    "certificate.json",
    MARKER,
)
_CHANGES = {
    "min_item_subjects = 5 ": "min_item_subjects = 20 ",
    'period = "quarter" ': 'period = "year" ',
}


@dataclass(frozen=True)
class Site:
    """The files of one demo."""

    folder: Path

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "policy.toml"

    @property
    def root_key(self) -> Path:
        """The root key's file."""
        return self.folder / "knowingly.key"

    def data(self, name: str = "shop") -> Path:
        """A data file."""
        return self.folder / f"{name}.db"

    def keys(self, name: str = "shop") -> Path:
        """The key store beside a data file."""
        return self.folder / f"{name}.keys.db"

    def begin(self, step: str) -> None:
        """Note which step is running, so that a run cut short can be explained."""
        self._mark({"step": step, "finished": False})

    def finish(self) -> None:
        """Note that every step is done."""
        self._mark({"step": None, "finished": True})

    def write(self, name: str, text: str) -> Path:
        """Write a file that holds nothing about anybody."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def write_private(self, name: str, text: str) -> Path:
        """Write a new file that its owner alone can read."""
        path = self.folder / name
        private_file(path)
        path.write_text(text, encoding="utf-8")
        return path

    def _mark(self, state: dict[str, Any]) -> None:
        text = json.dumps({"made_by": _MADE_BY, **state})
        (self.folder / MARKER).write_text(text, encoding="utf-8")


def prepare(folder: Path) -> tuple[Site, str | None]:
    """Make the folder, or clean the one that an earlier demo made.

    Only files that a demo makes are deleted, and only beside a demo's marker.

    Returns:
        The site, and what became of the last run, or None where there was none.

    Raises:
        InputError: The folder holds something that is not the demo's; nothing was touched.
    """
    site = Site(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError("folder", f"a folder; {folder} is a file")
    before = None
    if folder.is_dir() and any(folder.iterdir()):
        before = _explain(_marker_of(folder))
        _clean(site)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    site.begin("0 preparing")
    site.policy.write_text(_policy_text(), encoding="utf-8")
    write_root_key(site.root_key)
    return site, before


def private_file(path: Path) -> None:
    """Make an empty file that its owner alone can read."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _marker_of(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        state = None
    if not isinstance(state, dict) or state.get("made_by") != _MADE_BY:
        raise InputError(
            "folder",
            f"an empty folder, a new one, or one that this demo made; {folder} holds other files "
            "and was left as it is",
        )
    return state


def _explain(state: dict[str, Any]) -> str:
    if state.get("finished"):
        return "The last run here finished; starting clean."
    return f"The last run here stopped at step {state.get('step')}; starting clean."


def _clean(site: Site) -> None:
    databases = [path for name in _DATABASES for path in (site.data(name), site.keys(name))]
    for path in databases:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    # The marker goes last: a run stopped in here still leaves a folder that the next one knows.
    for name in _PAPERS:
        (site.folder / name).unlink(missing_ok=True)


def _policy_text() -> str:
    """The shipped policy, with what a year of groceries needs changed."""
    text = default_policy_text()
    for shipped, wanted in _CHANGES.items():
        if text.count(shipped) != 1:
            raise InternalError("the shipped policy no longer has the line that the demo changes")
        text = text.replace(shipped, wanted)
    return text
