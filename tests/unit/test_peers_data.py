"""``tests/bench/peers.py --data``: what is wrong with a folder is said, and where."""

import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[1] / "bench" / "peers.py"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "train.txt"),
        ({"train.txt": "0 1\n0 x\n", "test.txt": ""}, "train.txt, line 2: expected whole numbers"),
        ({"train.txt": "", "test.txt": ""}, "nobody has both"),
        ({"events.txt": "ann oolong 1\n"}, "row 0"),
    ],
    ids=["nothing", "text", "empty", "names"],
)
def test_what_is_wrong_with_a_folder_is_said(tmp_path, files, said):
    """One line, and no traceback."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, PEERS, "--data", tmp_path], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr
