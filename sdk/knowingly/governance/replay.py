"""The erasures that data from a backup has missed, done again.

Nothing but the key store is needed to know them: whoever is in the data and has no key any more was
erased after the backup was made. Somebody who was given a new key since looks the same, because
their old rows open for nobody either.
"""

from dataclasses import dataclass

from knowingly.governance.aggregates import spend_the_rest
from knowingly.governance.claims import Claims
from knowingly.governance.erasure import Erasures
from knowingly.governance.horizon import DESTROYED
from knowingly.governance.recipients import Recipients
from knowingly.governance.rotation import say
from knowingly.ledger import checkpoints, log
from knowingly.ledger.signing import SIGNING_ROTATED
from knowingly.store import key_acts, subjects
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy

_PEOPLE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done again in one tenant's data.

    ``models`` are out of service until the next training: they had learned from somebody erased.
    """

    tenant: str
    erased: int
    models: tuple[str, ...]


def replay(tenancy: Tenancy, erasures: Erasures, *, backup_us: int) -> Replayed:
    """Erase again everybody whose key is gone, and spend the budget that may have been spent since.

    As by the first erasure, evidence for claims outlives it where the policy says so: which choices
    were made and when, because how is sealed under a key that is gone. So is whom their data was
    given to: nobody can be told of it from here. Kept checkpoints are signed again where the key
    that signs was replaced since; where it was not, that root keys were destroyed since is said
    again, for the certificates that name them. Evidence that was destroyed since, and
    notifications that were given since, are removed again. The log says so, and from when the
    backup is.
    """
    erasures.resume()
    models: set[str] = set()
    Claims(tenancy).end_lost()
    Recipients(tenancy).end_lost()
    lost = without_key(tenancy)
    for subject in lost:
        certificate = erasures.replay(subject, backup_us=backup_us)
        models |= certificate.statement["models"].keys()
    named = tenancy.ask(lambda snapshot: key_acts.latest(snapshot, SIGNING_ROTATED)) or 1
    is_known = tenancy.keyring.secrets.signing_version(named) == named
    if is_known:
        _say_destroyed(tenancy)
    with tenancy.write() as tx:
        spend_the_rest(tenancy, tx)
        if not is_known:
            # The key that signed them is destroyed, and nothing in this data names the newer one.
            checkpoints.cosign(tx, tenancy)
        log.append(
            tx,
            "backup.restored",
            at_us=tenancy.now_us(),
            seal=tenancy.keyring.operator.seal,
            facts={"made": backup_us, "erased": len(lost)},
        )
    return Replayed(tenancy.name, len(lost), tuple(sorted(models)))


def _say_destroyed(tenancy: Tenancy) -> None:
    """Which root keys above this tenant's were destroyed since, as far as the log lacks it."""
    versions, roots = tenancy.keyring.history()
    for root in dict.fromkeys(row.root for row in versions):
        if roots[root].destroyed_us is not None:
            say(tenancy, DESTROYED, root, {"root": root})


def without_key(tenancy: Tenancy) -> list[int]:
    """The people of this data whose key is not in the key store, by number."""
    lost: list[int] = []
    last = -1
    while True:
        with tenancy.read() as snapshot:
            people = subjects.after(snapshot, last, _PEOPLE_AT_ONCE)
        if not people:
            return lost
        last = people[-1].subject
        missing = tenancy.keyring.missing([person.key_id for person in people])
        lost += [
            person.subject
            for person in people
            if person.state == ACTIVE and person.key_id in missing
        ]
