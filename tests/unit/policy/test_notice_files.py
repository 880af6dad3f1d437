"""The words of a notice in a file of their own: read from beside the policy, and bounded."""

import os

import pytest

from knowingly.errors import PolicyError
from knowingly.policy import load_policy, parse_policy

POLICY = """\
[purposes.train]
title = "Train"
description = "Learn."

[[notices]]
id = "2026-01/en"
covers = {{ train = 1 }}
file = {file}
"""


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "home"
    (home / "notices").mkdir(parents=True)
    return home


def load(folder, file):
    path = folder / "policy.toml"
    path.write_text(POLICY.format(file=file), encoding="utf-8")
    return load_policy(path)


def refused(folder, file):
    with pytest.raises(PolicyError) as caught:
        load(folder, file)
    assert caught.value.path == "policy.toml:8 notices[0].file"
    assert "more after" not in str(caught.value)
    return str(caught.value)


def test_the_words_of_the_file_are_those_of_the_notice(folder):
    """Whether they stand in it or in the policy: the digests are the same."""
    (folder / "notices" / "en.txt").write_bytes(b"\xef\xbb\xbfWe learn.\r\nDo you agree?\r\n")
    policy = load(folder, '"notices/en.txt"')
    inline = POLICY.format(file="-").replace("file = -", 'text = "We learn.\\nDo you agree?\\n"')
    assert policy.notices[0].text == "We learn.\nDo you agree?\n"
    assert policy.digest == parse_policy(inline).digest


@pytest.mark.parametrize("name", ["../out.txt", "notices/../../out.txt", "{out}", "link.txt"])
def test_a_file_outside_the_folder_is_refused(folder, name):
    """By its path, and by where a link in the folder leads."""
    out = folder.parent / "out.txt"
    out.write_text("secret-canary")
    (folder / "link.txt").symlink_to(out)
    said = refused(folder, f'"{name.format(out=out)}"')
    assert "inside the folder of the policy file" in said
    assert "canary" not in said


def test_what_cannot_be_words_is_refused_with_its_cure(folder):
    notices = folder / "notices"
    (notices / "latin.txt").write_bytes(b"\xe9")
    (notices / "blank.txt").write_text(" \n")
    (notices / "long.txt").write_text("x" * 20_001)
    (notices / "huge.txt").write_bytes(b"\xff" * 100_000)
    os.mkfifo(notices / "pipe")
    cures = {
        '"notices/none.txt"': "there is no such file",
        '"notices/pipe"': "there is no such file",
        '"notices"': "there is no such file",
        '"notices/latin.txt"': "save it as UTF-8",
        '"notices/blank.txt"': "write the notice into it",
        '"notices/long.txt"': "longer than 20,000 characters",
        '"notices/huge.txt"': "longer than 20,000 characters",
        '"a\\u0000b"': "cannot be read",
        "3": "expected a path",
    }
    for file, cure in cures.items():
        assert cure in refused(folder, file), file


def test_the_longest_notice_is_taken(folder):
    """Characters count, not bytes."""
    (folder / "notices" / "long.txt").write_text("€" * 20_000, encoding="utf-8")
    assert len(load(folder, '"notices/long.txt"').notices[0].text) == 20_000


def test_all_files_together_are_bounded(folder):
    """A small policy file must not stand for hundreds of megabytes."""
    (folder / "long.txt").write_text("€" * 20_000, encoding="utf-8")
    notice = '[[notices]]\nid = "{}"\ncovers = {{}}\nfile = "long.txt"\n'
    path = folder / "policy.toml"
    path.write_text("".join(notice.format(place) for place in range(66)))
    assert len(load_policy(path).notices) == 66
    path.write_text("".join(notice.format(place) for place in range(67)))
    with pytest.raises(PolicyError, match="larger than 4,000,000 bytes"):
        load_policy(path)


def test_text_and_file_are_not_both_written(folder):
    (folder / "notices" / "en.txt").write_text("We learn.")
    assert "write one of the two" in refused(folder, '"notices/en.txt"\ntext = "We learn."')


def test_a_text_that_is_no_file_has_no_folder():
    with pytest.raises(PolicyError, match="write the words as text"):
        parse_policy(POLICY.format(file='"notices/en.txt"'))


def test_a_misspelt_key_of_a_notice_is_told_of_file():
    with pytest.raises(PolicyError) as caught:
        parse_policy(POLICY.format(file='"x"').replace("file =", "fil ="))
    assert "did you mean 'file'?" in caught.value.problems[-1].message
