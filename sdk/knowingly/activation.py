"""Policies coming into force: each kept as it was written, with an entry of the log.

What a policy lets people's earlier choices mean depends on the policies before it, so a policy is
never used on its own: it stands ``after`` every other that this tenant ever had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from knowingly.domain.moments import from_us
from knowingly.errors import LedgerError, PolicyError
from knowingly.ledger import log
from knowingly.ledger.kept_policies import is_whole
from knowingly.policy import Policy, changed_words, diff, recall
from knowingly.store import ledger
from knowingly.store import policies as rows
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.policies import ActivationRow

_SHIPPED = b'"shipped":true'
"""In the bytes of an entry, that nobody chose the policy it put into force."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A policy coming into force, with the ledger entry that says so.

    ``asks`` are the purposes for which people who had agreed were to be asked again.

    Stability: stable.
    """

    entry: int
    at: datetime
    digest: str
    asks: tuple[str, ...] = ()


def standing(policy: Policy, snapshot: Snapshot) -> Policy:
    """A policy as it stands after all that were in force in this tenant.

    Raises:
        PolicyError: A notice has other words than it had when it was in force.
        LedgerError: A policy of the past was changed where it is kept.
    """
    past = _past(rows.bodies(snapshot), but=policy.digest)
    for place in changed_words(policy, past):
        notice = policy.notices[place].id
        raise PolicyError(
            f"the notice {notice!r} was in force with other words, which people may have agreed "
            "to: give the new words a new id, and put the old ones back; nothing was written",
            path=f"notices[{place}].text",
        )
    return policy.after(past)


def is_active(policy: Policy, snapshot: Snapshot) -> bool:
    """Whether this policy is the one that came into force last, and is kept."""
    if snapshot.head.policy_digest != policy.digest:
        return False
    last = rows.activations(snapshot)[-1:]
    return [row.digest for row in last] == [policy.digest]


def activate(tx: Tx, policy: Policy, *, at_us: int, seal: log.Seal, is_chosen: bool = True) -> None:
    """Put a policy into force, if it is not already.

    Its entry says where nobody chose it: the next release may ship another.
    """
    if is_active(policy, tx):
        return
    tx.head.policy_digest = policy.digest
    facts: dict[str, object] = {"policy": policy.digest, "kept": True}
    if not is_chosen:
        facts["shipped"] = True
    entry = log.append(tx, "policy.activated", at_us=at_us, seal=seal, facts=facts)
    if policy.digest not in rows.bodies(tx):
        rows.keep(tx, policy.digest, policy.body)
    rows.add_activation(tx, ActivationRow(entry.index, policy.digest, at_us))


def activations(snapshot: Snapshot) -> list[Activation]:
    """Every coming into force that is kept, in the order of the log."""
    kept = rows.bodies(snapshot)
    found, before = [], None
    for row in rows.activations(snapshot):
        [policy] = _past({row.digest: kept.get(row.digest, "")})
        asks = () if before is None else tuple(one.purpose for one in diff(before, policy).ask)
        found.append(Activation(row.idx, from_us(row.at_us), row.digest, asks))
        before = policy if before is None else policy.after([before])
    return found


def in_force(snapshot: Snapshot) -> Policy | None:
    """The policy in force, as this release reads it; None where there was none yet."""
    kept = rows.bodies(snapshot)
    for row in rows.activations(snapshot)[-1:]:
        [policy] = _past({row.digest: kept.get(row.digest, "")})
        return policy
    return None


def last_chosen(snapshot: Snapshot) -> Policy | None:
    """The policy in force; None where nobody chose one."""
    for row in rows.activations(snapshot)[-1:]:
        if _SHIPPED in ledger.leaves_of(snapshot, [row.idx]).get(row.idx, b""):
            return None
    return in_force(snapshot)


def policy_at(snapshot: Snapshot, at_us: int) -> Policy | None:
    """The policy in force at a moment, as it stood then; None from before any was kept."""
    known = [row for row in rows.activations(snapshot) if row.at_us <= at_us]
    return _recalled(snapshot, known[-1].digest, known) if known else None


def policy_of(snapshot: Snapshot, digest: str, *, log_size: int | None = None) -> Policy | None:
    """The policy of a digest, or of its beginning, as it stood when the log had that size.

    As it stands now where no size is given; None where no such policy was in force by then.
    """
    size = snapshot.head.ledger_size if log_size is None else log_size
    known = [row for row in rows.activations(snapshot) if row.idx < size]
    mine = [row for row in known if digest and row.digest.startswith(digest)]
    return _recalled(snapshot, mine[-1].digest, known) if mine else None


def _recalled(snapshot: Snapshot, digest: str, known: Iterable[ActivationRow]) -> Policy:
    """A kept policy after the others that had been in force by then."""
    by_then = {row.digest for row in known}
    kept = {one: body for one, body in rows.bodies(snapshot).items() if one in by_then}
    [policy] = _past({digest: kept.get(digest, "")})
    return policy.after(_past(kept, but=digest))


def _past(kept: Mapping[str, str], *, but: str = "") -> list[Policy]:
    """Kept policies, which must be as they were: what notices told people depends on them."""
    if not all(is_whole(digest, body) for digest, body in kept.items()):
        raise LedgerError("a policy of the past is not as it was kept: run knowingly audit verify")
    return [recall(body) for digest, body in kept.items() if digest != but]
