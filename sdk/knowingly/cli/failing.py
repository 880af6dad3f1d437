"""From errors to one line and an exit code; nothing expected ends in a traceback."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from knowingly.cli.codes import Code
from knowingly.cli.output import Output
from knowingly.errors import DamagedBackupError, KnowinglyError, TamperedError

INTERRUPTED = (
    "interrupted: what was finished stays and nothing is half-written; run the command again"
)


class CommandError(KnowinglyError):
    """A command cannot go on; the message never holds a cell of a file or a person's id."""

    def __init__(self, message: str, *, code: Code = Code.FAILED) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def guarded(output: Output) -> Iterator[None]:
    """Turn the errors of the SDK, of files and Ctrl-C into one line and an exit code."""
    try:
        yield
    except CommandError as error:
        output.error("CommandError", _message(error))
        raise typer.Exit(error.code) from None
    except TamperedError as error:
        output.error("TamperedError", _message(error), index=error.index)
        raise typer.Exit(Code.TAMPERED) from None
    except DamagedBackupError as error:
        output.error("DamagedBackupError", _message(error), part=error.part)
        raise typer.Exit(Code.TAMPERED) from None
    except KnowinglyError as error:
        output.error(type(error).__name__, _message(error))
        raise typer.Exit(Code.FAILED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        place = f"{error.filename}: " if error.filename else ""
        output.error("OSError", f"{place}{error.strerror or 'the file cannot be used'}")
        raise typer.Exit(Code.FAILED) from None
    except KeyboardInterrupt:
        output.error("Interrupted", INTERRUPTED)
        raise typer.Exit(Code.INTERRUPTED) from None


def _message(error: KnowinglyError) -> str:
    """The message, and what was noted about the state things are in."""
    return "; ".join([str(error), *getattr(error, "__notes__", ())])
