"""Where a shop's databases are: the URLs that are taken, and what the key store's is by default."""

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from knowingly.errors import StoreError

POSTGRES_DRIVER = "postgresql+psycopg"
_FORMS = f"sqlite:///shop.db or {POSTGRES_DRIVER}://USER@HOST/shop"


def checked_url(url: str | URL) -> URL:
    """A database URL, read; nothing is opened or made.

    Raises:
        StoreError: It is none, of another kind of database, or names no file in a folder that is
            there.
    """
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, TypeError, ValueError):
        raise StoreError(f"not a database URL: write {_FORMS}") from None
    if kind == "sqlite":
        return _checked_file(parsed)
    if parsed.drivername not in {"postgresql", POSTGRES_DRIVER}:
        raise StoreError(f"a shop is kept in SQLite or PostgreSQL: write {_FORMS}")
    if not parsed.database or "\0" in parsed.render_as_string(hide_password=False):
        raise StoreError(f"a server keeps many databases: name one, {POSTGRES_DRIVER}://HOST/shop")
    return parsed.set(drivername=POSTGRES_DRIVER)


def key_store_beside(data: URL) -> URL:
    """The key store of some data where none is named: ``shop.keys.db``, or ``shop_keys``."""
    name = data.database or ""
    if data.get_backend_name() != "sqlite":
        return data.set(database=f"{name}_keys")
    path = Path(name)
    return data.set(database=str(path.with_name(path.stem + ".keys" + path.suffix)))


def _checked_file(parsed: URL) -> URL:
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError(
            "a shop lives in a file, so that keys and data survive: write sqlite:///shop.db"
        )
    if parsed.host or parsed.username or parsed.query or "\0" in parsed.database:
        raise StoreError("a shop's URL names a file and nothing else: write sqlite:///shop.db")
    folder = Path(parsed.database).parent
    try:
        found = folder.is_dir()
        Path(parsed.database).exists()
    except (OSError, ValueError) as error:
        raise StoreError(f"no file can have that name ({type(error).__name__})") from None
    if not found:
        raise StoreError(f"the folder {folder} does not exist: create it first")
    return parsed
