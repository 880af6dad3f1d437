"""One spelling per value, so that a hash and a signature mean one thing."""

import pytest

from knowingly.errors import InternalError
from knowingly.ledger.canonical import canonical
from knowingly.ledger.signing import is_signed, public_key, sign


def test_the_order_of_keys_does_not_show():
    """Nor do spaces or the letters of another script: the bytes are ASCII."""
    one = canonical({"b": 1, "a": {"d": [1, 2], "c": "é☕"}})
    other = canonical({"a": {"c": "é☕", "d": [1, 2]}, "b": 1})
    assert one == other == b'{"a":{"c":"\\u00e9\\u2615","d":[1,2]},"b":1}'


@pytest.mark.parametrize(
    "value", [{"a": 1.0}, {"a": [1, 2.5]}, {"a": {"b": (0.1,)}}, {"a": float("nan")}]
)
def test_a_float_is_refused_at_any_depth(value):
    """It has no single spelling."""
    with pytest.raises(InternalError, match="float"):
        canonical(value)


def test_a_signature_fits_one_statement_and_one_key():
    """Another statement, another key, or rubbish is not signed; nothing is raised."""
    seed, other = b"s" * 32, b"t" * 32
    statement = {"erased": 1, "by": "shop"}
    signature = sign(seed, statement)
    assert is_signed(public_key(seed), signature, statement)
    assert is_signed(public_key(seed), signature, {"by": "shop", "erased": 1})
    assert not is_signed(public_key(seed), signature, {**statement, "erased": 2})
    assert not is_signed(public_key(other), signature, statement)
    assert not is_signed(public_key(seed), sign(other, statement), statement)
    for rubbish in ("", "!", "é", signature[:-4], public_key(seed)):
        assert not is_signed(public_key(seed), rubbish, statement)
        assert not is_signed(rubbish, signature, statement) or rubbish == public_key(seed)
