"""Exit codes: a script can tell what happened without reading the words."""

from enum import IntEnum


class Code(IntEnum):
    """What a command ends with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_REFUSED = 3
    TAMPERED = 4
    ASK_AGAIN = 5
    INTERRUPTED = 130


MEANINGS: dict[Code, str] = {
    Code.DONE: "done",
    Code.FAILED: "it failed, and the message says why",
    Code.USAGE: "the command line is wrong",
    Code.SOME_REFUSED: "done, but some rows were refused",
    Code.TAMPERED: "verification found tampering",
    Code.ASK_AGAIN: "the new policy means that people must be asked again, or does not open",
    Code.INTERRUPTED: "interrupted, and what was finished stays",
}
