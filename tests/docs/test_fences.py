"""Every python fence of the README and of docs/ runs, page by page, in a fresh folder.

A fence opts out with ``<!-- not run: reason -->`` on the line before it.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from knowingly.policy.file import default_policy_text
from knowingly.vault.root import write_root_key

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<word>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
_OPTED_OUT = re.compile(r"<!-- not run: \S.{3,} -->\s*$")


def python_fences(text):
    """``(line, code, opted out)`` of each python fence."""
    for found in _FENCE.finditer(text):
        if found["word"].strip().split(" ")[0].lower() not in {"python", "py", "python3"}:
            continue
        line = text.count("\n", 0, found.start()) + 1
        before = text[: found.start()].rstrip("\n").rpartition("\n")[2]
        indent = found["indent"]
        body = "".join(row.removeprefix(indent) for row in found["body"].splitlines(True))
        yield line, body, bool(_OPTED_OUT.search(before))


def program(page):
    """The page's fences as one program, each at its own line: a trace points into the page."""
    rows = []
    for line, code, opted_out in python_fences(page.read_text(encoding="utf-8")):
        if not opted_out:
            rows += [""] * (line - len(rows))
            rows += code.splitlines()
    return "\n".join(rows) + "\n" if rows else ""


WITH_CODE = [page for page in PAGES if program(page)]


def test_the_pages_with_code_are_found():
    """The README, the tutorial and the guide for authors have some."""
    names = {page.name for page in WITH_CODE}
    assert {"README.md", "first-page.md", "profiles.md", "write-an-algorithm.md"} <= names


def test_fences_are_read_as_they_are_written():
    """In order, at their lines, indented or not; others and those opted out are left."""
    text = (
        "a\n```python\nx = 1\n```\n```sh\nrm\n```\n<!-- not run: needs a server -->\n"
        "```python\ny\n```\n- b\n  ```py\n  z = 2\n  if z:\n      pass\n  ```\n"
        "<!-- not run: -->\n```python\nw\n```\n"
    )
    assert list(python_fences(text)) == [
        (2, "x = 1\n", False),
        (9, "y\n", True),
        (13, "z = 2\nif z:\n    pass\n", False),
        (19, "w\n", False),
    ]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page, tmp_path):
    """In order, in one namespace, in a folder as ``knowingly init`` leaves it."""
    write_root_key(tmp_path / "knowingly.key")
    (tmp_path / "policy.toml").write_text(default_policy_text(), encoding="utf-8")
    (tmp_path / "page.py").write_text(program(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{page}:\n{done.stderr}"


@pytest.fixture
def told(tmp_path):
    """What the quick start prints."""
    write_root_key(tmp_path / "knowingly.key")
    (tmp_path / "page.py").write_text(program(ROOT / "README.md"), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout


def test_the_quick_start_shows_what_it_says(told):
    """Personal while she agrees, the catalogue after, and a certificate."""
    lines = told.splitlines()
    assert lines[0].startswith("personal [(")
    assert "because you bought Oolong" in lines[0]
    assert lines[1] in {"aggregate", "catalog"}
    assert lines[2].startswith("Erased ")
    assert "Key: destroyed" in told
