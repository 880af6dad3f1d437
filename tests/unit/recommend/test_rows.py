"""Arrays as one stored value per item row, and back; what is read is read with bounds."""

import gc
import json
import weakref
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from knowingly.errors import SealError, StoreError
from knowingly.profiles import body
from knowingly.recommend.registry import manifest, rows
from knowingly.recommend.registry.serving import Registry
from knowingly.store import models as stored
from knowingly.vault.seal import Cipher

ARRAYS = {
    "score": np.array([0.5, -1.0, np.inf, 0.0]),
    "near": np.arange(12, dtype=np.int32).reshape(4, 3),
    "flag": np.array([True, False, True, True]),
}


def test_rows_round_trip():
    """Values, shapes and types; the type travels as JSON."""
    dtype = rows.described(rows.describe(rows.row_dtype(ARRAYS)))
    stored = list(rows.to_rows(ARRAYS))
    assert [row for row, _ in stored] == [0, 1, 2, 3]
    back = rows.from_rows(dtype, stored, 4)
    assert set(back) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_some_rows_are_replaced_and_the_others_stay():
    """The arrays that were there are not touched."""
    dtype = rows.row_dtype(ARRAYS)
    new = {name: array[::-1].copy() for name, array in ARRAYS.items()}
    moved = rows.differing(ARRAYS, new)
    assert moved.tolist() == [0, 1, 2, 3]
    changed = rows.patched(ARRAYS, dtype, list(rows.to_rows(new, np.array([1, 3]))))
    np.testing.assert_array_equal(changed["near"][[1, 3]], new["near"][[1, 3]])
    np.testing.assert_array_equal(changed["near"][[0, 2]], ARRAYS["near"][[0, 2]])
    assert ARRAYS["near"][1, 0] == 3


def test_only_rows_that_differ_are_named():
    """In any of the arrays."""
    new = {name: array.copy() for name, array in ARRAYS.items()}
    assert not len(rows.differing(ARRAYS, new))
    new["near"][2, 1] += 1
    new["flag"][0] = False
    assert rows.differing(ARRAYS, new).tolist() == [0, 2]


def test_no_arrays_and_no_items_are_fine():
    """A shop where nobody did anything."""
    assert list(rows.to_rows({})) == []
    empty = {"score": np.zeros(0)}
    dtype = rows.described(rows.describe(rows.row_dtype(empty)))
    assert rows.from_rows(dtype, [], 0)["score"].shape == (0,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"a": "<f8"}',
        '{"a": ["|O", []]}',
        '{"a": ["<U4", []]}',
        '{"a": ["|V8", []]}',
        '{"a": ["<M8[s]", []]}',
        '{"a": ["<f8", [-1]]}',
        '{"a": ["<f8", "x"]}',
        '{"a": ["nonsense", []]}',
        '{"a": ["<f8", [99999999]]}',
        '{"a": ["<f8", [99999999999999]]}',
    ],
)
def test_an_unknown_form_is_refused(text):
    """Objects, text, times, and rows too big to be a row: nothing of them is made."""
    with pytest.raises(StoreError, match="train again"):
        rows.described(text)


def test_missing_and_broken_rows_are_refused():
    """One that is gone, twice, out of order, or of another length."""
    dtype = rows.row_dtype(ARRAYS)
    stored = list(rows.to_rows(ARRAYS))
    for broken in (stored[1:], stored[:-1], stored[::-1], [*stored, stored[-1]], []):
        with pytest.raises(StoreError, match="misses"):
            rows.from_rows(dtype, broken, 4)
    stored[2] = (2, stored[2][1][:-1])
    with pytest.raises(StoreError, match="length"):
        rows.from_rows(dtype, stored, 4)
    with pytest.raises(StoreError, match="length"):
        rows.patched(ARRAYS, dtype, stored[2:3])


def test_a_manifest_opens_for_its_person_and_training_only():
    """Moved to another row it does not open; a changed length is refused."""
    cipher = Cipher(b"k" * 32, tenant="t", key_id=b"k")
    person = 7
    records = np.zeros(3, body.RECORD)
    records["item"] = [4, 5, 6]
    sealed = manifest.seal(cipher, person, 2, records)
    np.testing.assert_array_equal(manifest.unseal(cipher, person, 2, sealed), records)
    for who, training in ((8, 2), (person, 3)):
        with pytest.raises(SealError):
            manifest.unseal(cipher, who, training, sealed)
    odd = cipher.seal(manifest.TABLE, manifest.row_name(person, 2), b"x" * 34)
    with pytest.raises(SealError, match="form"):
        manifest.unseal(cipher, person, 2, odd)


def test_a_rolled_back_forget_leaves_no_trace_in_what_is_served(tea, monkeypatch):
    """People withdraw in one transaction that fails: pages and models are as before."""
    before = json.dumps([(hit.item, hit.score) for hit in tea.recommend("t001", k=20)])
    real = tea.consent._recorder._effects

    def fail_after(*given, **named):
        assert real(*given, **named)
        raise RuntimeError("power cut")

    fail_after.prepare = real.prepare
    monkeypatch.setattr(tea.consent._recorder, "_effects", fail_after)
    choices = [{"subject": f"t00{n}", "action": "withdraw", "purposes": ["train"]} for n in "234"]
    with pytest.raises(RuntimeError):
        tea.consent.record(choices)
    serving = tea._registry._serving
    with tea._tenancy.read() as snapshot:
        fresh = Registry(tea._tenancy.keyring).at(snapshot)
    assert_same(serving, fresh)
    assert json.dumps([(hit.item, hit.score) for hit in tea.recommend("t001", k=20)]) == before
    monkeypatch.setattr(tea.consent._recorder, "_effects", real)
    tea.consent.withdraw("t005", ["train"])
    tea.recommend("t001")
    assert {one.largest_difference for one in tea.models.compare_with_refit()} == {0.0}
    with tea._tenancy.read() as snapshot:
        assert_same(tea._registry._serving, Registry(tea._tenancy.keyring).at(snapshot))


def test_what_was_just_written_is_not_read_again(tea, monkeypatch):
    """Three people, two of them in one transaction: what is served is what is stored."""
    tea.recommend("t001")
    served, real = tea._registry._serving, stored.serving_rows
    monkeypatch.setattr(stored, "serving_rows", None)
    withdraw = {"action": "withdraw", "purposes": ["train"]}
    tea.consent.record([{"subject": one, **withdraw} for one in ("t002", "t003")])
    tea.rights.erase("t004")
    tea.recommend("t001")
    monkeypatch.setattr(stored, "serving_rows", real)
    assert tea._registry._serving.epoch == served.epoch + 2
    with tea._tenancy.read() as snapshot:
        assert_same(tea._registry._serving, Registry(tea._tenancy.keyring).at(snapshot))


def test_what_another_transaction_wrote_is_not_believed(tea):
    """It was rolled back; what the next one finds under the same number is something else."""
    registry = Registry(tea._tenancy.keyring)
    with suppress(RuntimeError), tea._tenancy.write() as tx:
        registry.write(tx, replace(registry.at(tx), models={}))
        assert not registry.at(tx).models
        raise RuntimeError
    with tea._tenancy.write() as tx:
        assert registry.at(tx).models


def test_one_transaction_keeps_one_state_of_the_models(tea):
    """Of a thousand people forgotten in one, the last is served and those before it are let go."""
    registry = Registry(tea._tenancy.keyring)
    with tea._tenancy.write() as tx:
        first = replace(registry.at(tx), models={})
        gone = weakref.ref(first)
        registry.write(tx, first)
        registry.write(tx, replace(first, epoch=first.epoch))
        del first
        gc.collect()
        assert gone() is None
    with tea._tenancy.read() as snapshot:
        assert not registry.at(snapshot).models


def assert_same(serving, other):
    """Both serve the same, to the bit."""
    assert (serving.training, serving.epoch) == (other.training, other.epoch)
    assert serving.models.keys() == other.models.keys()
    for name, model in other.models.items():
        for key, array in model.arrays().items():
            np.testing.assert_array_equal(serving.models[name].arrays()[key], array)
