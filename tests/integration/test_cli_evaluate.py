"""``knowingly evaluate``: a table, one JSON document, a report; and one line where it cannot."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app
from knowingly.evaluate.metrics import METRICS
from knowingly.samples import tea_shop

QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments):
    return CliRunner(env=QUIET).invoke(app, ["evaluate", *arguments], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path, monkeypatch, shop_url):
    """A folder with a policy and a key, and the environment of nobody's shop."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner(env=QUIET).invoke(app, ["init"]).exit_code == 0
    return tmp_path


@pytest.fixture
def tea_folder(folder, shop_url):
    """The same with the tea shop in it."""
    with knowingly.open(shop_url) as opened:
        tea_shop(opened)
    return folder


def test_a_table_for_people(tea_folder):
    """Every algorithm and every figure has its place; so have tests and rates of consent."""
    done = call("-k", "5")
    assert done.exit_code == 0, done.output
    for words in (
        *(metric.label for metric in METRICS),
        "item_item less popularity",
        "head",
        "100+",
        "70%",
    ):
        assert words in done.stdout
    assert "own_frequency" not in done.stdout


def test_one_document_for_programs(tea_folder):
    """The same as ``as_dict`` gives, and nothing else on standard output."""
    done = call("-k", "5", "--json", "--no-consent-rates", "--repeats", "--seed", "3")
    document = json.loads(done.stdout)
    assert (document["k"], document["repeats"], document["seed"]) == (5, True, 3)
    assert document["by_consent_rate"] == []
    assert {score["algorithm"] for score in document["scores"]} == {
        *knowingly.load_policy().models.algorithms,
        "own_frequency",
        "slot home",
    }


def test_a_report_in_a_new_file(tea_folder):
    """It is written where it is asked for, and what is there already is left alone."""
    done = call("--no-consent-rates", "--html", "report.html")
    assert done.exit_code == 0, done.output
    page = (tea_folder / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    again = call("--no-consent-rates", "--html", "report.html")
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert (tea_folder / "report.html").read_text() == page


def test_served_models(tea_folder, shop_url):
    """Before a training there are none; what learned from everything has nothing left to test."""
    assert "call train first" in call("--served").stderr
    with knowingly.open(shop_url) as opened:
        opened.train()
        month_ago = opened.now() - timedelta(days=28)
    assert "choose an earlier split" in call("--served").stderr
    with knowingly.open(shop_url) as opened:
        opened.train(until=month_ago)
    served = json.loads(call("--served", "--json").stdout)
    fitted = json.loads(
        call("--split", month_ago.isoformat(), "--no-consent-rates", "--json").stdout
    )
    assert served["served"]
    by_name = [{one["algorithm"]: one for one in found["scores"]} for found in (served, fitted)]
    assert by_name[0] == by_name[1]


def test_what_cannot_be_done_is_one_line(folder):
    """An empty shop, a moment that is none; and no report is left behind."""
    done = call("--html", "report.html")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "import items" in done.stderr
    assert not (folder / "report.html").exists()
    assert call("--split", "yesterday").exit_code == 2
    assert call("-k", "0").exit_code == 2
