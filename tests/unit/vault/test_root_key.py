"""Where the root key comes from, and what is refused."""

import base64
import os
import stat

import pytest

from knowingly.errors import RootKeyError
from knowingly.vault.root import ENVIRONMENT, fingerprint, local_root_keys, write_root_key

KEY = bytes(range(224, 256))
TEXT = base64.urlsafe_b64encode(KEY).decode()
NAME = fingerprint(KEY)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def saved(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_written_key_is_random_private_and_never_overwritten(tmp_path):
    """Thirty-two bytes, for the owner only, whatever the umask."""
    one, two = tmp_path / "one.key", tmp_path / "two.key"
    before = os.umask(0)
    try:
        write_root_key(one)
    finally:
        os.umask(before)
    write_root_key(two)
    assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(one.read_text())) == 32
    assert local_root_keys(one).version != local_root_keys(two).version
    text = one.read_text()
    with pytest.raises(RootKeyError, match="exists"):
        write_root_key(one)
    assert one.read_text() == text


def test_a_key_is_read_from_where_it_is_named(tmp_path, monkeypatch):
    """A path, a string, a named variable; by default the environment and then the file."""
    path = saved(tmp_path / "my.key", TEXT + "\n")
    assert local_root_keys(path).versions == local_root_keys(str(path)).versions == [NAME]
    monkeypatch.setenv("MINE", f"  {TEXT}\n")
    assert local_root_keys("env:MINE").versions == [NAME]
    other = base64.urlsafe_b64encode(b"o" * 32).decode()
    saved(tmp_path / "knowingly.key", other)
    assert local_root_keys(None).versions == [fingerprint(b"o" * 32)]
    monkeypatch.setenv(ENVIRONMENT, TEXT)
    assert local_root_keys(None).versions == [NAME]


@pytest.mark.parametrize("source", [None, "env:NOWHERE", "no/such.key", "."])
def test_a_missing_key_says_how_to_make_one(source):
    """And names where it was looked for."""
    with pytest.raises(RootKeyError, match="knowingly init") as caught:
        local_root_keys(source)
    assert caught.value.source


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o777])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    """With the command that mends it."""
    path = saved(tmp_path / "open.key", TEXT, mode)
    with pytest.raises(RootKeyError, match="chmod 600"):
        local_root_keys(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret-word",
        TEXT[:-2],
        TEXT + "AAAA",
        TEXT.replace(TEXT[0], "*"),
        base64.urlsafe_b64encode(KEY[:31]).decode(),
        base64.urlsafe_b64encode(KEY + b"x").decode(),
        "é" * 44,
    ],
)
def test_a_malformed_key_is_refused_and_never_repeated(tmp_path, monkeypatch, text):
    """From a file and from the environment."""
    path = saved(tmp_path / "bad.key", text)
    monkeypatch.setenv("BAD", text)
    for source in (path, "env:BAD"):
        with pytest.raises(RootKeyError, match="not a root key") as caught:
            local_root_keys(source)
        assert not text or text not in str(caught.value)


def test_an_empty_variable_is_no_key(monkeypatch):
    """It does not fall back to the file: somebody meant to set it."""
    monkeypatch.setenv(ENVIRONMENT, "")
    with pytest.raises(RootKeyError, match="not a root key"):
        local_root_keys(None)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    """Rather than failing to decode."""
    path = tmp_path / "bytes.key"
    path.write_bytes(os.urandom(5_000))
    path.chmod(0o600)
    with pytest.raises(RootKeyError, match="not a root key"):
        local_root_keys(path)
