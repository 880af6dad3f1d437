"""Every error the SDK raises.

::

    KnowinglyError
     + PolicyError (ValueError)       .path       the policy file: where, and what to write instead
     |                                .problems   every one that was found
     + RootKeyError (ValueError)      .source     no root key, or one that cannot be used
     + ConsentError                   .purpose .reason
     + InputError (ValueError)        .row .field .expected
     |  + UnknownItemError            an item this shop does not have
     |  + UnknownSlotError            .known
     + SignalError (ValueError)       a banner's or browser's signal that cannot be understood
     + UnknownSubjectError            no such person in this tenant; never says who
     + HoldError                      a legal hold stands in the way, or there is none
     + BudgetExhaustedError           .asked .left    nothing was released
     + LedgerError
     |  + TamperedError               .index      the first entry that does not fit
     + StoreError                     the database: .reason .retryable .outcome_unknown
     |  + SealError                   wrong key or changed bytes; never says which
     + FileError                      a file that cannot be read: which, which line, what is wrong
     + DamagedBackupError             .part       which file of a backup is not what was written
     + NotFittedError                 nothing has been trained yet
     + PluginError                    .plugin
     |  + PluginLoadError             could not be found, imported or accepted
     |  + ContractError               broke the algorithm interface
     |  + MissingExtraError           .extra      pip install 'knowingly[extra]'
     + InternalError                  this is a bug, please report it

No message holds a personal value: not an app's id for a person, not an e-mail, not a title typed
by a customer. Attributes hold numbers, field names and the shop's own words.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class KnowinglyError(Exception):
    """Anything this SDK raises on purpose."""


class PolicyProblem(NamedTuple):
    """One thing that is said of a policy file: where it stands, and what to write instead.

    Stability: stable.
    """

    file: str
    line: int
    key: str
    message: str

    @property
    def place(self) -> str:
        """File, line and key."""
        return f"{self.file}:{self.line} {self.key}".rstrip()


class PolicyError(KnowinglyError, ValueError):
    """The policy file cannot be used; ``path`` says where in it.

    ``problems`` are all that were found in it, the first of which the message tells.
    """

    def __init__(
        self, message: str, *, path: str = "", problems: Sequence[PolicyProblem] = ()
    ) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.problems = tuple(problems)


class RootKeyError(KnowinglyError, ValueError):
    """There is no root key, or it is malformed, or others can read it."""

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(f"{source}: {message}")
        self.source = source


class ConsentError(KnowinglyError):
    """A choice cannot be recorded, or a purpose may not be used; never says who."""

    def __init__(self, message: str, *, purpose: str | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.purpose = purpose
        self.reason = reason


class InputError(KnowinglyError, ValueError):
    """A value from outside was refused: which row, which field, what was expected."""

    def __init__(self, field: str, expected: str, *, row: int | None = None) -> None:
        place = f"row {row}, {field}" if row is not None else field
        super().__init__(f"{place}: expected {expected}")
        self.row = row
        self.field = field
        self.expected = expected


class SignalError(KnowinglyError, ValueError):
    """A signal cannot be understood; decoders raise it, and it never repeats the signal."""


class UnknownItemError(InputError):
    """An item this shop does not have."""


class UnknownSlotError(InputError):
    """A slot the policy file does not declare."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__("slot", f"one of {', '.join(self.known)}")


class UnknownSubjectError(KnowinglyError):
    """No person with that id is known to this tenant; the message never repeats the id."""

    def __init__(self, known: int) -> None:
        super().__init__(f"no such person in this shop, which knows {known}")
        self.known = known


class HoldError(KnowinglyError):
    """A legal hold stands in the way, or there is none to release; never says whose or why."""


class BudgetExhaustedError(KnowinglyError):
    """The privacy budget cannot pay; nothing was released. Figures are zCDP rho."""

    def __init__(self, *, asked: float, left: float, period: str) -> None:
        super().__init__(
            f"the privacy budget of {period} has rho {left:.6g} left of {asked:.6g} asked for; "
            "nothing was released: wait for the next period, or ask for less"
        )
        self.asked = asked
        self.left = left
        self.period = period


class LedgerError(KnowinglyError):
    """The ledger cannot be read or written as asked."""


class TamperedError(LedgerError):
    """The ledger, or a state that rests on it, was changed; ``index`` is the first bad entry."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(f"entry {index}: {message}")
        self.index = index


class StoreError(KnowinglyError):
    """The database is busy, unreachable, unreadable, or of another version.

    Nothing of the transaction it happened in was written, unless ``outcome_unknown`` is set. Most
    calls are one transaction; an erasure, a training and ``maintain`` are several.

    Attributes:
        reason: A word for programs, such as ``busy``, ``connection_lost``, ``full``, ``read_only``.
        retryable: The same call may go through later, with nothing changed.
        outcome_unknown: The answer to COMMIT was lost: it was written, or it was not.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        retryable: bool = False,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown


class SealError(StoreError):
    """A sealed value does not open: wrong key or changed bytes; never says which."""


class FileError(KnowinglyError):
    """A file cannot be read; the message never holds a cell of it."""


class DamagedBackupError(KnowinglyError):
    """A backup is unfinished, or not what was written; ``part`` names the file."""

    def __init__(self, message: str, *, part: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part


class NotFittedError(KnowinglyError):
    """Nothing has been trained yet."""


class PluginError(KnowinglyError):
    """A plugin failed; the message names it."""

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(f"plugin {plugin!r}: {message}")
        self.plugin = plugin


class PluginLoadError(PluginError):
    """A plugin could not be found, imported or accepted."""


class ContractError(PluginError):
    """A plugin broke the interface it implements."""


class MissingExtraError(PluginError):
    """A plugin needs an extra that is not installed."""

    def __init__(self, *, plugin: str, extra: str) -> None:
        super().__init__(f"needs an extra: pip install 'knowingly[{extra}]'", plugin=plugin)
        self.extra = extra


class InternalError(KnowinglyError):
    """This is a bug in knowingly, please report it."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} (this is a bug, please report it)")
