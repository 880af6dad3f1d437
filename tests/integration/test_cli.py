"""The command line on a shop on disk: from two empty files to a certificate and a tampered log."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

import knowingly
from knowingly.cli.app import app
from knowingly.governance.rights import Rights
from knowingly.ledger import log, verifier
from knowingly.store import ledger, subjects

WHO = "canary-person-7f3a"
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments: str) -> Result:
    return CliRunner(env=QUIET).invoke(app, arguments, catch_exceptions=False)


def document(*arguments: str, code: int = 0) -> dict:
    """What a command prints with ``--json``: one document and nothing else."""
    result = call(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path, monkeypatch, shop_url) -> Path:
    """A folder with a policy and a key, and the environment of nobody's shop."""
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    return tmp_path


@pytest.fixture
def shop(folder) -> Path:
    """A shop of 12 items, with 12 people who agreed to everything, the canary among them."""
    days_ago = datetime.now(UTC) - timedelta(days=1)
    items = [f"tea-{number},Tea {number},green|loose,,{number}.5" for number in range(12)]
    write("items.csv", "id,title,categories,brand,price", *items)
    people = [WHO, *(f"p{number}" for number in range(11))]
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        for person in people:
            opened.consent.grant(
                person,
                ["personalize", "train", "measure"],
                notice="2026-01/en",
                at=days_ago - timedelta(days=1),
            )
    events = [
        f"{person},purchase,tea-{(place + step) % 4},{days_ago.isoformat()},{person}-{step}"
        for place, person in enumerate(people)
        for step in range(3)
    ]
    write("events.csv", "subject,kind,item,at,event_id", *events)
    assert call("import", "events.csv", "items.csv").exit_code == 0
    assert call("train").exit_code == 0
    return folder


def write(name: str, *lines: str) -> Path:
    path = Path(name)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_init_writes_a_policy_and_a_private_key_and_says_to_back_it_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("init")
    assert result.exit_code == 0
    assert "Back up knowingly.key" in result.stdout
    assert stat.S_IMODE(Path("knowingly.key").stat().st_mode) == 0o600
    assert knowingly.load_policy("policy.toml").digest == knowingly.load_policy().digest
    Path("two").mkdir()
    assert document("init", "two") == {"policy": "two/policy.toml", "key": "two/knowingly.key"}


@pytest.mark.parametrize("there", ["policy.toml", "knowingly.key"])
def test_init_overwrites_nothing_and_then_writes_nothing(tmp_path, there):
    (tmp_path / there).write_text("mine")
    result = call("init", str(tmp_path))
    assert result.exit_code == 1
    assert there in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_page_of_a_person_is_personal_and_logged(shop):
    page = document("recommend", WHO, "-k", "3")
    assert page["basis"] == "personal"
    kinds = [one["kind"] for one in document("audit", "entries")["entries"]]
    assert kinds[-1] == "read.recommend"
    human = call("recommend", WHO, "-k", "3")
    assert "home: personal" in human.stdout
    assert WHO not in human.output


@pytest.mark.parametrize("told", ["option", "environment"])
def test_staff_may_say_who_they_are(shop, house, monkeypatch, told):
    """The name is in the sealed details of what they did, and in nothing that can be read."""
    operator = "canary-operator-51c2"
    option = ("--as", operator) if told == "option" else ()
    if told == "environment":
        monkeypatch.setenv("KNOWINGLY_AS", operator)
    outputs = [call("export", WHO, *option), call("recommend", WHO, *option)]
    assert [one.exit_code for one in outputs] == [0, 0]
    assert not [one for one in outputs if operator in one.output]
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened, opened._tenancy.read() as snapshot:
        cipher = opened._tenancy.keyring.cipher(subjects.number(snapshot, 1).key_id)
        details = [
            cipher.open(log.DETAILS, log.row_name(index), body)
            for index, _, body in ledger.details_of(snapshot, 1)
        ]
    assert sum(operator.encode() in one for one in details) == 2
    assert not [name for name, held in house.place.files().items() if operator.encode() in held]
    refused = call("export", WHO, "--as", "canary\noperator")
    assert refused.exit_code == 1
    assert "canary" not in refused.output


def test_a_receipt_is_given_again_and_its_proof_holds(shop, capsys):
    """The document fits its schema; the proof alone is what the verifier reads; both are logged."""
    entries = document("audit", "entries")["entries"]
    index = next(one["index"] for one in entries if one["kind"] == "consent.grant")
    told = document("consent", "receipt", WHO, str(index))
    jsonschema.validate(told, knowingly.receipt_schema())
    assert WHO not in json.dumps(told)
    assert call("consent", "receipt", WHO, str(index), "--proof", "--out", "p.txt").exit_code == 0
    key = told["knowingly:hasProof"]["knowingly:verifierKey"]
    assert verifier.main(["p.txt", "--key", key]) == 0
    kinds = [one["kind"] for one in document("audit", "entries")["entries"]]
    assert kinds.count("read.receipt") == 2
    refused = call("consent", "receipt", WHO, "0")
    assert refused.exit_code == 1
    assert WHO not in refused.output


def test_evidence_for_a_claim_is_written_where_the_policy_keeps_some(shop):
    """Into a private file; of nobody else there is any."""
    policy = Path("policy.toml")
    kept = "keep_days_after_erasure = 0"
    assert kept in policy.read_text()
    policy.write_text(policy.read_text().replace(kept, "keep_days_after_erasure = 30"))
    assert call("erase", WHO, "--yes").exit_code == 0
    assert call("claims", WHO, "--out", "claim.json").exit_code == 0
    [claim] = json.loads(Path("claim.json").read_text())["claims"]
    assert claim["choices"][0]["entry"]["kind"] == "consent.grant"
    assert stat.S_IMODE(Path("claim.json").stat().st_mode) == 0o600
    nobody = call("claims", "p1")
    assert nobody.exit_code == 1
    assert "p1" not in nobody.output


def test_a_page_of_nobody_is_not_logged(shop):
    before = document("audit", "verify")["size"]
    assert document("recommend", "--slot", "cart", "--basket", "tea-1, tea-2")["hits"]
    assert document("audit", "verify")["size"] == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["recommend", "canary-unknown-9c"], "no such person"),
        (["recommend", "--slot", "attic"], "one of home, product, cart"),
        (["recommend", "--item", "tee-1"], "12 items of this shop; near it are tea-1"),
        (["recommend", "--basket", "tea-1,zzz"], "12 items of this shop"),
        (["export", "canary-unknown-9c"], "no such person in this shop, which knows 12"),
        (["erase", "canary-unknown-9c", "--yes"], "no such person in this shop, which knows 12"),
    ],
)
def test_the_unknown_is_one_line_that_says_what_exists(shop, arguments, says):
    result = call(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    error = document(*arguments, code=1)["error"]
    assert says in error["message"]
    assert "canary-unknown-9c" not in result.output + json.dumps(error)


def test_extra_arguments_are_refused_without_repeating_them(shop):
    result = call("export", WHO, "canary-second-5d")
    assert result.exit_code == 2
    assert WHO not in result.output
    assert "canary-second-5d" not in result.output


def test_every_command_prints_one_json_document(shop):
    assert document("train")["people"] == 12
    assert document("maintain")["trained"]["people"] == 12
    assert document("stats")["items"] == 12
    assert document("import", "items.csv")["files"][0]["kept"] == 12
    assert document("export", WHO)["about"] == WHO
    assert document("erase", WHO, "--yes")["statement"]["removed"]["events"] == 3
    assert document("audit", "verify")["root"]
    assert document("init", code=1)["error"]["type"] == "CommandError"
    found = {one["name"]: one for one in document("plugins")["algorithms"]}
    options = {one["name"]: one["default"] for one in found["item_item"]["options"]}
    assert options["neighbours"] == 100


def test_stats_and_plugins_and_upkeep_speak_to_people(shop):
    stats = call("stats")
    assert "Items: 12" in stats.stdout
    assert "item_item" in stats.stdout
    assert "neighbours = 100" in call("plugins").stdout
    kept = call("maintain", "--skip", "train")
    assert kept.exit_code == 0
    assert "Erasures finished: 0" in kept.stdout
    assert call("maintain", "--skip", "lunch").exit_code == 2


def test_a_skipped_plugin_is_listed_with_the_reason(folder):
    policy = Path("policy.toml").read_text().replace('allow = ["*"]', 'allow = ["popularity"]')
    Path("policy.toml").write_text(policy)
    skipped = document("plugins")["skipped"]
    installed = {point.name for point in entry_points(group="knowingly")}
    assert skipped.keys() == installed - {"popularity"}
    assert set(skipped.values()) == {"not allowed by the policy file"}
    assert "skipped item_item: not allowed" in call("plugins").stdout


def test_maintain_fails_where_training_failed_and_still_does_the_rest(shop):
    policy = Path("policy.toml").read_text().replace('allow = ["*"]', 'allow = ["popularity"]')
    Path("policy.toml").write_text(policy)
    result = call("maintain")
    assert result.exit_code == 1
    assert "note: not trained" in result.stderr
    assert "Keys swept" in result.stdout


def test_an_export_is_private_and_never_overwrites(shop):
    assert call("export", WHO, "--out", "hers.json").exit_code == 0
    assert stat.S_IMODE(Path("hers.json").stat().st_mode) == 0o600
    before = Path("hers.json").read_text()
    assert json.loads(before)["about"] == WHO
    size = document("audit", "verify")["size"]
    assert call("export", WHO, "--out", "hers.json").exit_code == 1
    assert Path("hers.json").read_text() == before
    assert document("audit", "verify")["size"] == size, "nothing was read"


def test_a_failed_export_leaves_no_file(shop):
    assert call("export", "nobody", "--out", "x.json").exit_code == 1
    assert not Path("x.json").exists()


def test_erasing_without_anybody_to_ask_is_refused(shop):
    result = call("erase", WHO)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert document("export", WHO)["about"] == WHO


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_erasing_asks_first(shop, monkeypatch, answer, code):
    monkeypatch.setattr("knowingly.cli.asking._is_anybody_there", lambda: True)
    result = CliRunner(env=QUIET).invoke(app, ["erase", WHO], input=answer)
    assert result.exit_code == code
    assert ("Erased" in result.stdout) is (code == 0)
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        assert opened.knows(WHO) is (code == 1)


def test_the_certificate_is_written_and_genuine(shop):
    result = call("erase", WHO, "--yes", "--out", "cert.json")
    assert result.exit_code == 0
    assert "Erased" in result.stdout
    assert WHO not in result.output
    signed = json.loads(Path("cert.json").read_text())
    assert knowingly.Certificate(**signed).is_genuine()
    assert WHO not in Path("cert.json").read_text()


def test_nothing_is_erased_where_the_certificate_could_not_be_written(shop):
    Path("cert.json").write_text("an older one")
    assert call("erase", WHO, "--yes", "--out", "cert.json").exit_code == 1
    assert call("erase", WHO, "--yes", "--out", "no/such/folder.json").exit_code == 1
    assert Path("cert.json").read_text() == "an older one"
    assert document("export", WHO)["about"] == WHO


@pytest.mark.only_sqlite("it edits the file; other tests tamper on both")
def test_a_tampered_entry_is_found_and_named(shop):
    assert call("audit", "verify").exit_code == 0
    with sqlite3.connect("shop.db") as raw:
        raw.execute(
            "UPDATE ledger_entries SET leaf ="
            " CAST(replace(CAST(leaf AS TEXT), 'measure', 'Measure') AS BLOB) WHERE idx = 4"
        )
    raw.close()
    result = call("audit", "verify")
    assert result.exit_code == 4
    assert "error: entry 4:" in result.stderr
    error = document("audit", "verify", code=4)["error"]
    assert (error["type"], error["index"]) == ("TamperedError", 4)


def test_ctrl_c_is_one_line_and_130(shop, monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(knowingly.Shop, "train", stop)
    result = call("train")
    assert result.exit_code == 130
    assert result.stderr.count("\n") == 1
    assert "run the command again" in result.stderr
    assert document("train", code=130)["error"]["type"] == "Interrupted"
    monkeypatch.setattr(Rights, "erase", stop)
    halfway = call("erase", WHO, "--yes", "--out", "cert.json")
    assert halfway.exit_code == 130
    assert "finished when the shop is next opened" in halfway.stderr
    assert not Path("cert.json").exists()


@pytest.mark.only_sqlite("it is about SQLite's URLs")
def test_errors_of_keys_policy_and_shop_are_one_line(folder):
    for arguments, says in [
        (["stats", "--keys", "env:NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        (["stats", "--policy", "missing.toml"], "missing.toml"),
        (["stats", "--shop", "sqlite:///no/such/folder/shop.db"], "does not exist"),
        (["stats", "--tenant", "UPPER"], "tenant: expected"),
        (["stats", "--shop", "sqlite:///policy.toml"], "database"),
    ]:
        result = call(*arguments)
        assert result.exit_code == 1, arguments
        assert says in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.only_sqlite("it looks for files that were made")
def test_tenants_and_places_can_be_named(shop, monkeypatch):
    assert document("stats", "--tenant", "acme")["items"] == 0
    monkeypatch.setenv("KNOWINGLY_SHOP", "sqlite:///other.db")
    assert document("stats", "--key-store", "sqlite:///other-keys.db")["items"] == 0
    assert Path("other-keys.db").exists()
    assert document("stats", "--shop", "sqlite:///shop.db")["items"] == 12


def test_help_names_the_exit_codes():
    said = " ".join(call("--help").stdout.split())
    for code in ("0 done", "3 done, but some rows were refused", "4 verification", "130"):
        assert code in said


def test_the_installed_program_runs(folder):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "knowingly", *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    assert run("--version").stdout == f"knowingly {knowingly_version()}\n"
    assert json.loads(run("stats", "--json").stdout)["items"] == 0
    failed = run("export", "canary-unknown-9c")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "error: no such person in this shop, which knows 0\n"
    assert run("erase", "c", "--nonsense").returncode == 2
    assert run("erase", "c").returncode == 2


def knowingly_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return version("knowingly")


def test_the_demo_says_what_to_install(folder, monkeypatch):
    missing = ModuleNotFoundError("no pandas", name="pandas")

    def run(*_args, **_kwargs):
        raise missing

    monkeypatch.setattr("knowingly.demo.story.run", run)
    result = call("demo")
    assert result.exit_code == 1
    assert "pip install 'knowingly[demo]'" in result.stderr


def test_the_demo_is_told_where_and_how_and_its_status_is_ours(folder, monkeypatch):
    told = []

    def run(place, _console, *, as_json):
        told.append((place, as_json))
        return 130

    monkeypatch.setattr("knowingly.demo.story.run", run)
    assert call("demo").exit_code == 130
    assert call("demo", "elsewhere", "--json").exit_code == 130
    assert told == [(Path("knowingly-demo"), False), (Path("elsewhere"), True)]
