"""``knowingly retention run``: said first, done with ``--yes``."""

import json
import sys
from subprocess import run as start

import pytest

RETENTION = (sys.executable, "-m", "knowingly", "retention", "run")


@pytest.fixture
def old(house, agree):
    """A shop with three events past their time, one of them under a hold."""
    (house.folder / "policy.toml").write_text("""\
[purposes.personalize]
title = "P"
description = "p"
keep_days = 1
[[notices]]
id = "2026-01/en"
text = "x"
covers = { personalize = 1 }
[data.size]
title = "Size"
purposes = ["personalize"]
""")
    import knowingly  # noqa: PLC0415

    house.policy = knowingly.load_policy(house.folder / "policy.toml")
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in ("zqxa", "zqxb", "zqxc"):
        shop.consent.grant(person, ["personalize"], notice="2026-01/en")
        shop.track(person, "view", "tea")
        shop.profiles.set(person, {"size": "zqxsize"})
    shop.rights.hold("zqxc", reason="zqxreason")
    house.close()
    return house


def knowingly_run(house, *more):
    done = start(
        [*RETENTION, "--shop", house.url, "--json", *more],
        cwd=house.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "zqx" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_it_says_first_and_does_with_yes(old):
    """The same figures, and nothing is changed in between; nobody is named."""
    code, said = knowingly_run(old)
    assert code == 0
    assert not said["applied"]
    assert said["expired"] == {"events": {"too_old": 3}, "traits": {"too_old": 3}}
    assert said["deleted"] == {"events": 2, "traits": 2}
    assert said["held"] == 1
    assert knowingly_run(old)[1] == said
    code, done = knowingly_run(old, "--yes")
    assert (code, done) == (0, {**said, "applied": True})
    _, again = knowingly_run(old, "--yes")
    assert (again["expired"], again["deleted"], again["held"]) == ({}, {}, 1)


def test_in_words_it_is_a_table(old):
    """With what and why, and who is held as a number."""
    done = start(
        [*RETENTION, "--shop", old.url],
        cwd=old.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    for words in ("too old: loses a purpose", "no purpose left: deleted", "legal hold: 1"):
        assert words in done.stdout
    assert "add --yes to do it" in done.stderr
