"""Choices of another system: a yes needs evidence that the policy accepts, a no needs none."""

import csv
import json
import os
from datetime import UTC, datetime
from typing import get_args

import pytest

import knowingly
from knowingly import Action
from knowingly.consent.past import PastAction
from knowingly.policy import parse_policy

WHO = "canary-ann"
NOTICE = "2026-01/en"
MAPPING = """
kind = "choices"
[origin]
system = "OldCMP"
exported = 2026-02-01T00:00:00Z
quality = "{quality}"
[fields]
subject = "who"
action = {{ column = "said", values = {{ yes = "grant", no = "refuse", out = "withdraw" }} }}

at = "when"
notice = "text"
method = "how"
record = "id"
age = "age"
[fields.purposes]
column = "what"
split = ","
values = {{ P = "personalize", T = "train", X = "x" }}
"""
COLUMNS = ["who", "said", "what", "when", "text", "how", "id", "age"]
GOOD = {"who": WHO, "said": "yes", "what": "P", "text": NOTICE, "how": "button", "id": "r1"}


@pytest.fixture
def load(house, tmp_path):
    """Import rows as one file of choices."""

    def run(*rows: dict, quality="documented", shop=None, name="choices.csv", **options):
        mapping = tmp_path / "choices.toml"
        mapping.write_text(MAPPING.format(quality=quality))
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return (shop or house.open()).import_file(path, mapping=mapping, **options)

    return run


def ago(house, days: float) -> str:
    return house.clock.ago(days=days).isoformat()


def reasons(shop, who=WHO) -> dict[str, str]:
    return {name: one.reason for name, one in shop.consent.status(who).items()}


def origin(shop, who=WHO) -> dict:
    """The provenance in the newest entry of a person."""
    entries = shop.rights.export(who)["ledger_details"]
    said = [one for one in entries if one["kind"].startswith("consent.")]
    assert said[-1]["details"]["by"] == "importer"
    return said[-1]["details"]["origin"]


def test_a_documented_yes_grants_from_its_own_time(house, load):
    """With the notice, the time and the method; and where it came from stands in its entry."""
    report = load({**GOOD, "when": ago(house, 40)})
    assert (report.kind, report.kept, report.weak) == ("choices", 1, 0)
    assert report.evidence == {"documented": 1}
    shop = house.open()
    decision = shop.consent.status(WHO)["personalize"]
    assert (decision.allowed, decision.reason) == (True, "granted")
    assert decision.since_us == int(house.clock.ago(days=40).timestamp() * 1e6)
    said = origin(shop)
    assert (said["system"], said["record"], said["quality"]) == ("OldCMP", "r1", "documented")
    assert said["exported"].startswith("2026-02-01")
    assert len(said["file"]) == 64
    [record] = shop.rights.export(WHO)["consent_records"]
    assert record["chosen_at"] == ago(house, 40)
    assert record["recorded_at"] == house.clock.now.isoformat()
    shop.audit.verify()


@pytest.mark.parametrize(
    ("stated", "row", "quality"),
    [
        ("documented", {}, "documented"),
        ("partial", {}, "partial"),
        ("asserted", {}, "asserted"),
        ("documented", {"how": ""}, "partial"),
        ("documented", {"text": ""}, "partial"),
        ("documented", {"text": "an old notice"}, "partial"),
        ("documented", {"text": "", "how": ""}, "asserted"),
        ("documented", {"when": ""}, "asserted"),
        ("partial", {"text": "an old notice", "how": ""}, "partial"),
        ("partial", {"when": ""}, "asserted"),
    ],
)
def test_what_a_row_lacks_lowers_its_quality_and_nothing_raises_it(
    house, load, stated, row, quality
):
    """A yes below what the policy asks for is recorded, with its flaw, and grants nothing."""
    given = {**GOOD, "when": ago(house, 40), **row}
    report = load(given, quality=stated)
    assert report.evidence == {quality: 1}
    assert report.weak == (quality != "documented")
    shop = house.open()
    expected = "granted" if quality == "documented" else "weak_evidence"
    assert reasons(shop)["personalize"] == expected
    assert (origin(shop)["stated"], origin(shop)["quality"]) == (stated, quality)
    shop.audit.verify()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"how": ""}, "granted"),
        ({"text": ""}, "reconsent"),
        ({"text": "an old notice"}, "reconsent"),
        ({"when": ""}, "weak_evidence"),
    ],
)
def test_a_policy_may_accept_less_but_never_a_yes_of_unknown_words_or_time(
    house, load, row, reason
):
    """The notice must be one of the policy's all the same, and a no may have come after."""
    house.with_policy(intake={"past_choices": {"accept": ["documented", "partial", "asserted"]}})
    load({**GOOD, "when": ago(house, 40), **row})
    assert reasons(house.open())["personalize"] == reason


@pytest.mark.parametrize("row", [{}, {"when": "", "text": "", "how": ""}, {"how": "By hand (old)"}])
@pytest.mark.parametrize("said", ["no", "out"])
def test_a_no_counts_whatever_its_evidence(house, load, said, row):
    """Also where a detail of it is none of ours, and where it names no purpose."""
    shop = house.open()
    shop.consent.grant(WHO, ["personalize", "train"], notice=NOTICE, at=house.clock.ago(days=300))
    report = load({**GOOD, "said": said, "what": "", "when": ago(house, 40), **row}, shop=shop)
    assert (report.kept, report.refused, report.weak) == (1, [], 0)
    assert set(reasons(shop).values()) == {"refused" if said == "no" else "withdrawn"}


def test_a_child_that_agreed_elsewhere_agreed_to_nothing_here(house, load):
    """The age is asked as it is of a choice in the shop; a no counts at any age."""
    load(
        {**GOOD, "when": ago(house, 40), "age": "12"},
        {**GOOD, "who": "canary-bob", "said": "no", "when": ago(house, 40), "age": "unknown"},
    )
    shop = house.open()
    assert reasons(shop)["personalize"] == "under_age"
    assert reasons(shop, "canary-bob")["personalize"] == "refused"
    shop.audit.verify()


def test_a_no_takes_effect_on_what_is_stored_in_the_same_transaction(house, load):
    """As one that is made in the shop does."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    shop.consent.grant(WHO, ["personalize"], notice=NOTICE, at=house.clock.ago(days=50))
    shop.track(WHO, "view", "tea", at=house.clock.ago(days=1))
    load({**GOOD, "said": "out", "when": ago(house, 2)}, shop=shop)
    assert house.rows("SELECT sum(purposes) FROM events") == [(0,)]


def test_the_later_choice_wins_whenever_it_was_imported(house, load):
    """An old yes stays below a newer no, and an old no below a newer yes."""
    shop = house.open()
    shop.consent.refuse(WHO, ["personalize"], at=house.clock.ago(days=10))
    shop.consent.grant(WHO, ["train"], notice=NOTICE, at=house.clock.ago(days=10))
    load(
        {**GOOD, "when": ago(house, 11)},
        {**GOOD, "what": "T", "said": "no", "when": ago(house, 11)},
        shop=shop,
    )
    assert reasons(shop)["personalize"] == "refused"
    assert reasons(shop)["train"] == "granted"
    load({**GOOD, "what": "T", "said": "no", "when": ago(house, 9)}, shop=shop)
    load({**GOOD, "when": ago(house, 9)}, shop=shop)
    assert reasons(shop)["personalize"] == "granted"
    assert reasons(shop)["train"] == "refused"


def test_a_yes_of_nobody_knows_when_is_put_before_every_choice(house, load):
    """So it takes no permission away either, and a no without a time is dated by the export."""
    shop = house.open()
    shop.consent.grant(WHO, ["personalize"], notice=NOTICE, at=house.clock.ago(days=300))
    load({**GOOD, "when": ""}, shop=shop)
    assert reasons(shop)["personalize"] == "granted"
    load({**GOOD, "said": "no", "when": ""}, shop=shop)
    assert reasons(shop)["personalize"] == "refused"
    after = datetime(2026, 2, 1, 0, 0, 1, tzinfo=UTC)
    shop.consent.grant(WHO, ["personalize"], notice=NOTICE, at=after)
    assert reasons(shop)["personalize"] == "granted"


BAD = {
    "tomorrow": ({"when": "2026-03-02T12:00:00Z"}, "at"),
    "before computers": ({"when": "1969-01-01T12:00:00Z"}, "at"),
    "no zone": ({"when": "2026-01-02T12:00:00"}, "at"),
    "no time": ({"when": "canary"}, "at"),
    "a purpose of nobody": ({"what": "X"}, "purposes"),
    "a yes to nothing": ({"what": ""}, "row"),
    "an unknown word": ({"said": "canary"}, "action"),
    "nobody": ({"who": ""}, "subject"),
    "a yes made oddly": ({"how": "By hand (canary)"}, "method"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_refused_by_its_line_and_the_rest_goes_in(house, load, name):
    """Nothing of what stood there is repeated, and a rehearsal finds the same."""
    row, field = BAD[name]
    rows = ({**GOOD, "when": ago(house, 40)}, {**GOOD, "when": ago(house, 40), **row})
    checked = load(*rows, dry_run=True)
    report = load(*rows)
    assert (report.kept, report.rows) == (1, 2)
    assert [(one.row, one.field) for one in report.refused] == [(3, field)]
    assert checked.refused == report.refused
    assert "canary" not in repr(report)
    strict = load(*rows, strict=True)
    assert (strict.written, strict.refused) == (False, report.refused)


def test_a_file_that_is_imported_twice_adds_nothing(house, load):
    """Nor a row that stands twice in it, nor the same choice under another name."""
    row = {**GOOD, "when": ago(house, 40)}
    rows = [row, row, {**row, "id": "r2"}, {**row, "said": "no", "when": ""}, {**row, "what": "T"}]
    first = load(*rows)
    assert (first.kept, first.duplicates) == (3, 2)
    again = load(*rows)
    assert (again.kept, again.duplicates, again.evidence) == (0, 5, {})
    assert house.count("consent_records") == 3
    house.open().audit.verify()


def test_a_record_that_the_other_system_changed_is_another_choice(house, load):
    """Its id alone would hide the withdrawal."""
    load({**GOOD, "when": ago(house, 40)})
    load({**GOOD, "said": "out", "when": ago(house, 20)})
    assert reasons(house.open())["personalize"] == "withdrawn"


def test_of_a_row_about_several_purposes_only_what_is_new_makes_an_entry(house, load):
    """A row adds an entry unless all of it is there."""
    load({**GOOD, "what": "P", "when": ago(house, 40)})
    report = load({**GOOD, "what": "P,T", "when": ago(house, 40)})
    assert (report.kept, report.duplicates) == (1, 0)
    assert reasons(house.open())["train"] == "granted"
    assert load({**GOOD, "what": "P,T", "when": ago(house, 40)}).duplicates == 1


def test_choices_of_before_an_erasure_bring_nobody_back(house, load):
    """They are dropped and counted; a later one opens a new person."""
    shop = house.open()
    shop.consent.grant(WHO, ["train"], notice=NOTICE, at=house.clock.ago(days=20))
    shop.rights.erase(WHO)
    report = load(
        {**GOOD, "when": ago(house, 1)},
        {**GOOD, "when": ""},
        {**GOOD, "said": "no", "when": ""},
        shop=shop,
    )
    assert (report.kept, report.dropped) == (0, {"erased": 3})
    assert not shop.knows(WHO)
    assert house.count("consent_records") == 0
    house.clock.forward(days=3)
    load({**GOOD, "when": ago(house, 1)}, shop=shop)
    assert reasons(shop)["personalize"] == "granted"


def test_a_flaw_that_is_taken_away_behind_our_back_is_found(house, load):
    """The leaf says it too."""
    load({**GOOD, "how": "", "when": ago(house, 40)})
    house.run("UPDATE consent_records SET flaw = NULL")
    with pytest.raises(knowingly.TamperedError):
        house.open().audit.verify()


def test_provenance_is_sealed_and_the_log_names_nobody(house, load, tmp_path):
    """Neither the other system's id nor an unknown notice is anywhere in clear."""
    load({**GOOD, "id": "canary-id", "text": "canary-text", "when": ago(house, 40)})
    shop = house.open()
    said = origin(shop)
    assert (said["record"], said["notice"]) == ("canary-id", "canary-text")
    assert "canary" not in repr(shop.audit.entries(limit=100))
    house.close()
    for name, content in house.place.files().items():
        assert b"canary" not in content, name


def test_a_policy_that_accepts_more_needs_another_import(house, load):
    """What was recorded with a flaw keeps it: the log is not rewritten. The new entry counts."""
    row = {**GOOD, "how": "", "when": ago(house, 40)}
    load(row)
    house.with_policy(intake={"past_choices": {"accept": ["documented", "partial"]}})
    shop = house.open()
    assert reasons(shop)["personalize"] == "weak_evidence"
    assert load(row, shop=shop).kept == 1
    assert house.count("consent_records") == 2
    assert reasons(shop)["personalize"] == "granted"


def test_only_known_qualities_are_accepted():
    """By the policy and by a mapping."""
    text = knowingly.default_policy_text()
    with pytest.raises(knowingly.PolicyError, match="documented"):
        parse_policy(text.replace('accept = ["documented"]', 'accept = ["good"]'))


def test_choices_need_an_origin_and_nothing_else_has_one(house, tmp_path):
    """Otherwise a flag of nobody knows whence would pass for a record."""
    path = tmp_path / "choices.csv"
    path.write_text("who,said\n")
    mapping = tmp_path / "map.toml"
    fields = '[fields]\nsubject = "who"\naction = "said"\n'
    for text in (
        f'kind = "choices"\n{fields}',
        'kind = "items"\n[fields]\nid = "x"\n[origin]\nsystem = "x"\nquality = "partial"\n',
        f'kind = "choices"\n{fields}[origin]\nsystem = "x"\nquality = "splendid"\n',
        f'kind = "choices"\ngroup = "who"\n{fields}[origin]\nsystem = "x"\nquality = "partial"\n',
    ):
        mapping.write_text(text)
        with pytest.raises(knowingly.FileError, match=r"map\.toml"):
            house.open().import_file(path, mapping=mapping)


def shopify_json(folder):
    def customer(who: str, state: str, at: str | None = "2026-01-05T10:00:00-05:00", **more):
        consent = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at}
        return {"id": 7, "email": who, "email_marketing_consent": consent, **more}

    rows = [
        customer("a@example.org", "subscribed"),
        customer("b@example.org", "unsubscribed"),
        customer("c@example.org", "not_subscribed", None),
        customer("d@example.org", "pending"),
        customer("e@example.org", "redacted"),
        {"id": 8, "email": "f@example.org"},
    ]
    path = folder / "customers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path, "shopify-customers-json"


def shopify_csv(folder):
    path = folder / "customers_export.csv"
    path.write_text(
        "Customer ID,First Name,Email,Accepts Email Marketing,Phone,Accepts SMS Marketing\n"
        "1,A,a@example.org,yes,,no\n2,B,b@example.org,no,,no\n"
    )
    return path, "shopify-customers"


@pytest.mark.parametrize("export", [shopify_json, shopify_csv], ids=["json", "csv"])
def test_shopifys_customers_say_something_about_marketing_only(house, tmp_path, export):
    """Never about recommendations; and their yes counts only where the policy takes less."""
    path, mapping = export(tmp_path)
    fetched = house.clock.ago(days=1).timestamp()
    os.utime(path, (fetched, fetched))
    shop = house.open()
    report = shop.import_file(path, mapping=mapping)
    assert [one.row for one in report.refused] == ([6] if export is shopify_json else [])
    assert report.weak == 1
    assert {one for (one,) in house.rows("SELECT purpose FROM consent_records")} == {"marketing"}
    assert reasons(shop, "a@example.org")["marketing"] == "weak_evidence"
    assert reasons(shop, "a@example.org")["personalize"] == "no_record"
    said = "withdrawn" if export is shopify_json else "refused"
    assert reasons(shop, "b@example.org")["marketing"] == said
    if export is shopify_json:
        others = {who: reasons(shop, f"{who}@example.org")["marketing"] for who in "cde"}
        assert others == {"c": "refused", "d": "no_record", "e": "refused"}
        assert report.evidence == {"partial": 4, "asserted": 1}
    assert shop.import_file(path, mapping=mapping).kept == 0


def test_a_yes_cannot_be_imported_for_what_only_the_shop_may_record():
    """Restrictions and what signals say have doors of their own."""
    allowed = set(Action) - {
        Action.RESTRICT,
        Action.UNRESTRICT,
        Action.DEFER,
        Action.SIGNAL_ALLOW,
        Action.SIGNAL_REFUSE,
        Action.SIGNAL_SILENT,
    }
    assert set(get_args(PastAction)) == allowed
