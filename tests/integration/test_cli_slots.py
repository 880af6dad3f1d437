"""Pages from the command line: several slots of one, why a hit is there, what decides slots."""

import json

import pytest
from typer.testing import CliRunner

from knowingly.cli.app import app

WHO = "t000"
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


@pytest.fixture
def call(tea_house, monkeypatch):
    """A command in the tea shop's folder."""
    monkeypatch.chdir(tea_house.folder)

    def run(*arguments, code=0):
        where = ("--shop", tea_house.url, "--keys", str(tea_house.key))
        result = CliRunner(env=QUIET).invoke(app, [*arguments, *where], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def document(call):
    """What a command prints with ``--json``."""
    return lambda *arguments, code=0: json.loads(call(*arguments, "--json", code=code).stdout)


@pytest.fixture
def logged(tea_house, document):
    """The kinds of entries of the log since the last call."""
    size = tea_house.count("ledger_entries")

    def kinds():
        nonlocal size
        found = document("audit", "entries", "--since", str(size))["entries"]
        size += len(found)
        return [one["kind"] for one in found]

    return kinds


def test_several_slots_are_rows_of_one_page(call, document, logged):
    """No item twice, each as long as its slot says, and one entry of the log for the look."""
    asked = ("recommend", WHO, "--slot", "home", "--slot", "bought-together", "--item", "assam")
    pages = document(*asked)["pages"]
    assert [(page["slot"], len(page["hits"])) for page in pages] == [
        ("home", 10),
        ("bought-together", 4),
    ]
    items = [hit["item"] for page in pages for hit in page["hits"]]
    assert len(set(items)) == len(items)
    assert [kind for kind in logged() if kind.startswith("read.")] == ["read.recommend"]
    shown = call(*asked, "-k", "2").stdout
    assert "home: personal" in shown
    assert "bought-together: personal" in shown
    assert WHO not in shown


def test_one_slot_is_one_page(document):
    """As a document, too."""
    assert document("recommend", "--slot", "trending")["slot"] == "trending"


def test_a_hit_is_explained_and_the_look_is_logged(call, document, logged):
    """With every event of theirs that the slot looks at, what counted most first."""
    hit = document("recommend", WHO, "-k", "3")["hits"][0]
    logged()
    told = document("explain", WHO, hit["item"], "-k", "3")
    assert logged() == ["read.explain"]
    assert (told["hit"]["item"], told["place"], told["basis"]) == (hit["item"], 0, "personal")
    counted = [abs(one["counted"]) for one in told["events"]]
    assert counted[0] > 0
    assert counted == sorted(counted, reverse=True)
    assert all(one["at"].endswith("+00:00") for one in told["events"])
    shown = call("explain", WHO, hit["item"]).stdout
    assert f"home: {hit['item']} in place 1, from item_item: because you" in shown
    assert WHO not in shown
    rows = ["--slot", "home", "--slot", "trending", "-k", "3"]
    last = document("recommend", WHO, *rows)["pages"][1]["hits"][-1]
    assert document("explain", WHO, last["item"], *rows)["slot"] == "trending"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("canary-who", "mint"), "no such person"),
        ((WHO, "mnt"), "ITEM: expected one of the 40 items of this shop; near it are mint"),
        ((WHO, "mint", "--item", "mint"), "an item that is on this page as it is now"),
        ((WHO, "mint", "--slot", "attic"), "one of home, product, cart"),
    ],
)
def test_what_cannot_be_explained_is_one_line(call, arguments, says):
    """Nobody is named in it."""
    result = call("explain", *arguments, code=1)
    assert says in result.stderr
    assert "canary" not in result.output
    assert not result.stdout


def test_slots_say_what_decides_them(call, document):
    """All of them, or one; in words, and in parts."""
    said = document("slots")["slots"]
    names = [one["slot"] for one in said]
    assert names[:5] == ["home", "product", "cart", "bought-together", "trending"]
    (one,) = document("slots", "home")["slots"]
    assert one == said[0]
    assert one["criteria"][0]["words"] in one["text"]
    shown = call("slots", "home").stdout
    assert shown.startswith("home:\n  1. ")
    assert all(f"  {line}\n" in shown for line in one["text"].splitlines())
    assert "one of home, product" in call("slots", "attic", code=1).stderr
