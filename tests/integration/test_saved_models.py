"""Models in files: the same scores when they are read, and nothing that was not signed."""

import json
import shutil
import stat

import numpy as np
import pytest
from safetensors.numpy import save as to_safetensors
from typer.testing import CliRunner

import knowingly
from knowingly.cli.app import app
from knowingly.recommend.registry import files

TRAINED = ("bought_together", "item_item", "popularity", "trending")


@pytest.fixture
def saved(tea, tmp_path):
    """The tea shop's models in a folder."""
    tea.models.save(tmp_path / "models")
    return tmp_path / "models"


def test_what_is_saved_reads_again(tea, saved):
    """The same arrays and scores, the shop's item ids, and what the card says; for the owner."""
    assert sorted(path.name for path in saved.iterdir()) == [
        f"{name}.{ending}" for name in TRAINED for ending in ("json", "safetensors")
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in saved.iterdir()} == {0o600}
    assert stat.S_IMODE(saved.stat().st_mode) == 0o700
    with tea._tenancy.read() as snapshot:
        serving = tea._registry.at(snapshot)
    for card in tea.models.cards():
        read = tea.models.read(saved, card.algorithm)
        served = serving.models[card.algorithm]
        assert len(read.items) == card.items
        assert set(read.items) <= set(tea.items.view().ids)
        assert read.card["people"] == card.people
        for key, array in served.arrays().items():
            np.testing.assert_array_equal(read.model.arrays()[key], array)
    entry = tea.audit.entries(since=tea.stats()["ledger_entries"] - 1)[0]
    assert entry.kind == "models.saved"
    assert entry.facts["sha256"].keys() == set(TRAINED)


def test_nothing_is_left_of_a_save_that_failed(tea, tmp_path, monkeypatch):
    """Neither the folder nor any part of it; a folder with something in it is left alone."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    with pytest.raises(knowingly.StoreError, match="exists already"):
        tea.models.save(tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["note"]
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(files, "write_private", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tea.models.save(tmp_path / "models")
    assert sorted(tmp_path.iterdir()) == before


def refuse(tea, folder, name="item_item", match=None):
    with pytest.raises(knowingly.FileError, match=match):
        tea.models.read(folder, name)


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_flipped_bit_is_refused(tea, saved, ending):
    """Anywhere in either file, also where the model would be as good as before."""
    path = saved / f"popularity.{ending}"
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 2, 40).astype(int):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        refuse(tea, saved, "popularity")
    path.write_bytes(content)
    assert tea.models.read(saved, "popularity")


def test_files_of_two_models_do_not_go_together(tea, saved):
    """Neither the arrays of one with the words of another, nor a pair under another name."""
    one, other = saved / "item_item.safetensors", saved / "popularity.safetensors"
    shutil.copy(other, one)
    refuse(tea, saved)
    shutil.copy(saved / "popularity.json", saved / "item_item.json")
    refuse(tea, saved, match="another model")


def test_what_another_key_signed_is_refused(tea, saved):
    """That of another tenant, and that of before a rotation of the signing key."""
    with pytest.raises(knowingly.FileError, match="not signed by the key of this shop"):
        tea.tenant("acme").models.read(saved, "item_item")
    tea.keys.rotate_signing()
    refuse(tea, saved, match="not signed by the key of this shop")


def resigned(tea, folder, content, **changed):
    """The files with other content, signed by the shop itself."""
    document = json.loads((folder / "item_item.json").read_text())
    size = {"bytes": len(content), "sha256": files.hashlib.sha256(content).hexdigest()}
    made = files._Document(**{**document, "tensors": size, **changed})
    with tea._tenancy.read() as snapshot:
        key, signature = tea._tenancy.sign(snapshot, made.statement)
    made = made.model_copy(update={"public_key": key, "signature": signature})
    (folder / "item_item.json").write_text(made.model_dump_json())
    (folder / "item_item.safetensors").write_bytes(content)


def test_bounds_hold_also_for_what_is_signed(tea, saved):
    """A header that promises too much, no header, other arrays, an unknown kind, other items."""
    good = (saved / "item_item.safetensors").read_bytes()
    arrays = tea.models.read(saved, "item_item").model.arrays()
    header = 2**40
    for content, match in (
        (header.to_bytes(8, "little") + good[8:], "header"),
        ((files.MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * 2**17, "header"),
        (b"", "header"),
        (good[:8] + b"x" + good[9:], "no safetensors"),
        (good[:-1], "no safetensors"),
        (to_safetensors({"total": arrays["total"]}), "no such model"),
        (to_safetensors({**arrays, "more": arrays["total"]}), "no such model"),
        (to_safetensors({**arrays, "count": arrays["count"].astype(float)}), "no such model"),
    ):
        resigned(tea, saved, content)
        refuse(tea, saved, match=match)
    resigned(tea, saved, good, items=["only-one"])
    refuse(tea, saved, match="another number of items")
    resigned(tea, saved, good, kind="from-the-future")
    refuse(tea, saved, match="unknown kind")


def test_a_file_larger_than_it_says_is_not_read_whole(tea, saved, monkeypatch):
    """Nor a document that is larger than any may be."""
    with (saved / "item_item.safetensors").open("ab") as file:
        file.write(b"more")
    refuse(tea, saved, match="larger")
    monkeypatch.setattr(files, "MAX_DOCUMENT_BYTES", 100)
    refuse(tea, saved, match="larger")


def test_names_lead_nowhere_else(tea, saved):
    """A path is no name; what is not there is said."""
    for name in ("../item_item", "", "a/b", "Item", "x" * 41, "item_item\n"):
        with pytest.raises(knowingly.InputError):
            tea.models.read(saved, name)
    refuse(tea, saved, name="nowhere", match="cannot be read")
    refuse(tea, saved / "nowhere")


def test_the_command_saves_and_says_so(tea_house, tmp_path, monkeypatch):
    """With the digests, for a program too; nothing to save is an error."""
    monkeypatch.chdir(tmp_path)
    where = ("--shop", tea_house.url, "--keys", str(tea_house.key), "--json")
    where += ("--key-store", tea_house.place.keys_url)
    done = CliRunner().invoke(app, ["models", "save", "out", *where], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["saved"].keys() == set(TRAINED)
    assert (tmp_path / "out" / "popularity.json").is_file()
    done = CliRunner().invoke(
        app, ["models", "save", "other", *where, "--tenant", "acme"], catch_exceptions=False
    )
    assert done.exit_code == 1
    assert "call train first" in done.stdout
    assert not (tmp_path / "other").exists()
