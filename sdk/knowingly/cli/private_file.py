"""Files with personal data or evidence in them: only their owner can read them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from knowingly.cli.failing import CommandError


@contextmanager
def private_file(path: Path) -> Iterator[Callable[[str], None]]:
    """Make a file before the work whose result it holds; take it away if nothing came of it.

    An erasure cannot be repeated: its certificate must not fail to be written for a full name.

    Yields:
        Writes the whole text.

    Raises:
        CommandError: The file exists, or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} exists already; nothing was done, name another file") from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}); nothing was done"
        ) from None
    whole = False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:

            def write(text: str) -> None:
                nonlocal whole
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
                whole = True

            yield write
    finally:
        if not whole:
            path.unlink(missing_ok=True)
