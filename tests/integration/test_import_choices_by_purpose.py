"""A file with a column for each purpose, and rows in which a guardian agreed for a child."""

import json

import pytest

import knowingly
from knowingly.importing import tables

WHO = "canary-ann"
NOTICE = "2026-01/en"
MAPPING = """
kind = "choices"
[origin]
system = "OldCMP"
exported = 2026-02-01T00:00:00Z
quality = "documented"
[fields]
subject = "who"
at = "when"
notice = "text"
method = "how"
record = "id"
age = "age"
by = { column = "given by", values = { parent = "guardian", self = "subject" } }
guardian = "parent"
[purposes]
personalize = "recommendations"
train = { column = "learning", values = { on = "grant", off = "withdraw", "n/a" = "" } }
measure = "statistics"
"""
GOOD = {
    "who": WHO,
    "when": "2026-01-05T10:00:00Z",
    "text": NOTICE,
    "how": "button",
    "id": "r1",
    "recommendations": "Yes",
    "learning": "off",
    "statistics": "",
}


@pytest.fixture
def load(house, tmp_path):
    """Import rows as JSON lines with a column for each purpose."""

    def run(*rows: dict, shop=None, **options):
        mapping = tmp_path / "choices.toml"
        mapping.write_text(MAPPING)
        path = tmp_path / "choices.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return (shop or house.open()).import_file(path, mapping=mapping, **options)

    return run


def reasons(shop, who=WHO) -> dict[str, str]:
    return {name: one.reason for name, one in shop.consent.status(who).items()}


def test_each_column_that_says_something_is_a_choice_of_its_own(house, load):
    """With the row's provenance; a cell that is empty or stands for nothing leaves no trace."""
    report = load(GOOD, {**GOOD, "who": "bob", "recommendations": None, "learning": "N/A"})
    assert (report.rows, report.kept, report.refused) == (2, 2, [])
    assert report.evidence == {"documented": 2}
    shop = house.open()
    said = reasons(shop)
    assert (said["personalize"], said["train"]) == ("granted", "withdrawn")
    assert said["measure"] == said["marketing"] == "no_record"
    assert not shop.knows("bob")
    told = [entry for entry in shop.consent.log(WHO) if entry.kind.startswith("consent.")]
    assert [entry.facts["purposes"] for entry in told] == [["personalize"], ["train"]]
    assert [entry.details["origin"]["record"] for entry in told] == ["r1", "r1"]
    shop.audit.verify()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(True, "granted"), (False, "refused"), (1, "granted"), ("0", "refused"), ("", "no_record")],
)
def test_yes_and_no_are_understood_without_a_word(house, load, cell, reason):
    """As true and false of JSON and Parquet are, and 1 and 0 of spreadsheets."""
    load({**GOOD, "recommendations": cell})
    assert reasons(house.open())["personalize"] == reason


def test_a_word_that_nobody_explained_refuses_its_row_whole(house, load):
    """Rather than to keep half of what a person said; the report tells the words there are."""
    rows = ({**GOOD, "learning": "canary"}, {**GOOD, "who": "bob"})
    checked, report = load(*rows, dry_run=True), load(*rows)
    [refused] = report.refused
    assert (refused.row, refused.field) == (1, "purposes.train")
    assert refused.expected == "one of on, off, n/a, or nothing"
    assert checked.refused == report.refused
    assert "canary" not in repr(report)
    shop = house.open()
    assert not shop.knows(WHO)
    assert reasons(shop, "bob")["personalize"] == "granted"


def test_what_is_wrong_with_a_row_is_said_once(house, load):
    """However many choices are in it; a no needs less than a yes, and counts."""
    tomorrow = load({**GOOD, "when": "2026-03-02T12:00:00Z"})
    assert [(one.row, one.field) for one in tomorrow.refused] == [(1, "at")]
    odd = load({**GOOD, "how": "By hand (old)"})
    assert [(one.row, one.field) for one in odd.refused] == [(1, "method")]
    assert reasons(house.open())["personalize"] == "no_record"
    assert reasons(house.open())["train"] == "withdrawn"


def test_a_column_that_changed_is_new_and_the_others_are_there(house, load):
    """The same file adds nothing."""
    assert load(GOOD, GOOD).duplicates == 2
    assert load(GOOD).kept == 0
    report = load({**GOOD, "statistics": "no"})
    assert (report.kept, report.duplicates) == (1, 2)
    assert house.count("consent_records") == 3


def test_choices_of_one_row_go_in_together(house, load, monkeypatch):
    """So an import that was stopped goes on between two rows, never within one."""
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 3)
    rows = [{**GOOD, "who": f"p{n}", "statistics": "yes" if n % 2 else ""} for n in range(5)]
    silent = {"who": "p6", "when": GOOD["when"]}
    shop = house.open()
    told = []

    def step(*_):
        told.append(house.count("consent_records"))
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(*rows, silent, silent, shop=shop, progress=step)
    assert told == [5, 10]
    report = load(*rows, silent, silent, shop=shop, progress=step)
    assert (report.resumed_after, report.kept, report.duplicates) == (4, 12, 0)
    # Lines that say nothing are a step, too.
    assert told == [5, 10, 12, 12]


CHILD = {**GOOD, "age": "12", "parent": "canary-guardian"}


def test_a_guardian_agrees_for_a_child_where_the_row_says_so(house, load):
    """Whose id alone says nothing: the other system may know of a parent who was never asked."""
    load(
        {**CHILD, "given by": "parent"},
        {**CHILD, "who": "bob", "given by": "self"},
        {**CHILD, "who": "cat"},
        {**CHILD, "who": "dan", "given by": "someone"},
    )
    shop = house.open()
    said = {who: reasons(shop, who)["personalize"] for who in (WHO, "bob", "cat", "dan")}
    assert said == {WHO: "granted", "bob": "under_age", "cat": "under_age", "dan": "under_age"}
    kept = {who: shop.consent.log(who)[0].details for who in said}
    assert [one["by"] for one in kept.values()] == ["guardian", "subject", "importer", "importer"]
    named = {who for who, one in kept.items() if "guardian" in one["origin"]}
    assert named == {WHO}
    shop.audit.verify()


def test_a_yes_that_came_in_without_its_guardian_is_not_mended_by_the_same_moment(house, load):
    """Of two things said at once the stricter counts; the guardian's own word in the shop does."""
    load({**CHILD, "learning": ""})
    report = load({**CHILD, "learning": "", "given by": "parent"})
    assert (report.kept, report.duplicates) == (1, 0)
    shop = house.open()
    assert reasons(shop)["personalize"] == "under_age"
    shop.consent.grant(WHO, ["personalize"], notice=NOTICE, age=12, by="guardian")
    assert reasons(shop)["personalize"] == "granted"


def test_who_the_guardian_is_stays_sealed_and_out_of_the_childs_export(house, load):
    """It is another person's; that a guardian agreed is the child's to know."""
    load({**CHILD, "given by": "parent"})
    shop = house.open()
    [entry] = [one for one in shop.consent.log(WHO) if one.kind == "consent.grant"]
    assert entry.details["origin"]["guardian"] == "canary-guardian"
    export = shop.rights.export(WHO)
    assert "canary-guardian" not in json.dumps(export, default=str)
    assert export["ledger_details"][0]["details"]["by"] == "guardian"
    assert "canary" not in repr(shop.audit.entries(limit=100))
    house.close()
    for name, content in house.place.files().items():
        assert b"canary" not in content, name


ORIGIN = '[origin]\nsystem = "x"\nquality = "partial"\n'
WRONG = {
    "an action beside it": f'kind = "choices"\n{ORIGIN}[fields]\nsubject = "who"\naction = "a"\n',
    "events": 'kind = "events"\n[fields]\nsubject = "who"\n',
    "no such action": f'kind = "choices"\n{ORIGIN}[fields]\nsubject = "who"\n',
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mapping_that_says_two_things_is_refused(house, tmp_path, name):
    """Before anything of the file is read."""
    mapping, path = tmp_path / "map.toml", tmp_path / "choices.csv"
    path.write_text("who,p\n")
    word = "agree" if name == "no such action" else "grant"
    answer = f'{{ column = "p", values = {{ yes = "{word}" }} }}'
    mapping.write_text(f"{WRONG[name]}[purposes]\npersonalize = {answer}\n")
    with pytest.raises(knowingly.FileError, match=r"map\.toml"):
        house.open().import_file(path, mapping=mapping)
