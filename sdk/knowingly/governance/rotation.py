"""Rotation of the root key and of every tenant's key: a saga that any crash can interrupt.

An old copy of the key store holds people's keys under the tenant key of that day, and that under
the root key of that day. Replacing either alone leaves the way back open, so both are replaced:

1. A new version of the root key becomes the current one, unless one is waiting already. The key
   store notes it and retires the others: from here on nothing is wrapped under them.
2. For each tenant, a new version of its key is kept under it and wraps from now on, the tenant's
   secrets at once and its people's keys batch by batch.
3. The log says so. Only then is the old version of the tenant's key destroyed: until that is done,
   two live versions say that the rotation has to go on, and a signed act that the log has said it.
4. The key store's write-ahead log is emptied, so that the old bytes are in no file.
5. Where asked, each retired root version that wraps nothing is destroyed; every tenant's log says
   so; last, the key store notes it: until then the step is repeated, which changes nothing.

Other processes keep working: whoever meets a version it does not know looks again.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial

from knowingly.domain.moments import from_us
from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.governance.horizon import DESTROYED, ROTATED, past
from knowingly.ledger import log
from knowingly.store import key_acts, root_versions, tenant_keys
from knowingly.store.root_versions import RootRow
from knowingly.tenancy import Tenancy
from knowingly.vault import rewrap

_PASSES = 3


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    ``root`` is the root key's version now, ``keys`` how many keys of people were wrapped anew.
    ``resumed`` says that an interrupted rotation was finished, and no new one begun. Not
    ``overwritten`` are old bytes that a long reader kept in the key store's log: run ``maintain``.
    ``destroyed`` are old root versions that are gone, ``left`` those that are not.

    Stability: stable.
    """

    root: str
    resumed: bool
    tenants: int
    keys: int
    overwritten: bool
    destroyed: tuple[str, ...]
    left: tuple[str, ...]


class Rotation:
    """Rotates the keys of every tenant in one key store."""

    def __init__(self, tenancy: Tenancy, tenancy_of: Callable[[str], Tenancy]) -> None:
        self._tenancy = tenancy
        # Opened once: each opening asks a key service.
        self._tenancy_of = cache(tenancy_of)
        self._database = tenancy.keyring.tenant_key.database
        self._roots = tenancy.keyring.tenant_key.roots

    def rotate(self, *, destroy_old: bool, progress: Progress) -> Rotated:
        """Finish a rotation that was interrupted, or do a new one.

        Raises:
            RootKeyError: There is no newer root key and none can be made, or it does not work.
        """
        # Whoever cannot be opened now could not be wrapped anew: nothing is changed yet.
        opened = [self._tenancy_of(name) for name in self._tenants()]
        root, resumed = self._next_root()
        self._remember(opened)
        self._retire_others(root)
        # Looked up again: from here on no tenant begins under an old root key, but one may have.
        tenants = self._tenants()
        keys = sum(self._rotate(self._tenancy_of(name), progress) for name in tenants)
        overwritten = self._tenancy.keyring.overwrite()
        left = self.unused()
        destroyed: list[str] = []
        for old in left if destroy_old else ():
            if self._roots.destroy(old):
                self.note_destroyed(old)
                destroyed.append(old)
        still = tuple(old for old in left if old not in destroyed)
        return Rotated(root, resumed, len(tenants), keys, overwritten, tuple(destroyed), still)

    def unused(self) -> list[str]:
        """Retired root versions that wrap nothing and are not destroyed yet, oldest first."""
        with self._database.reading() as connection:
            return root_versions.unused(connection)

    def note_destroyed(self, root: str) -> None:
        """Every tenant's log says that a root version is gone, then the key store does."""
        for name in self._tenants():
            say(self._tenancy_of(name), DESTROYED, root, {"root": root})
        with self._database.writing(alone=True) as connection:
            root_versions.mark_destroyed(connection, root, at_us=self._tenancy.now_us())

    def _tenants(self) -> list[str]:
        with self._database.reading() as connection:
            return tenant_keys.tenants(connection)

    def _next_root(self) -> tuple[str, bool]:
        """The root version to be wrapped under, and whether that had been begun before."""
        root = self._roots.version
        with self._database.reading() as connection:
            in_use = tenant_keys.roots_in_use(connection)
            known = root_versions.every(connection)
        if any(found != [root] for found in in_use.values()):
            return root, root in known
        if not self._roots.renew():
            raise self._roots.error(
                f"there is no newer root key than {root}, and none can be made from here: make "
                "one, let it be the current one (of a variable, the first), and rotate again"
            )
        fresh = self._roots.version
        if fresh == root:
            raise self._roots.error(f"renew made no new version: it is {root} still")
        return fresh, False

    def _remember(self, tenancies: Iterable[Tenancy]) -> None:
        """Note root versions that a key store from a backup has forgotten: they still open copies.

        Those that the logs say were destroyed are noted as such.
        """
        with self._database.reading() as connection:
            known = root_versions.every(connection)
        told: dict[str, RootRow] = {}
        for tenancy in tenancies:
            told |= tenancy.ask(partial(past, tenancy)).roots
        forgotten = [row for row in told.values() if row.root not in known]
        if not forgotten:
            return
        with self._database.writing(alone=True) as connection:
            for row in forgotten:
                root_versions.note(connection, row.root, at_us=row.first_used_us)
                if row.destroyed_us is not None:
                    root_versions.mark_destroyed(connection, row.root, at_us=row.destroyed_us)

    def _retire_others(self, root: str) -> None:
        now_us = self._tenancy.now_us()
        with self._database.writing(alone=True) as connection:
            if not root_versions.note(connection, root, at_us=now_us):
                raise self._roots.error(
                    f"the root key {root} was retired before: let a newer one be the current one"
                )
            root_versions.retire_all_but(connection, root, at_us=now_us)

    def _rotate(self, tenancy: Tenancy, progress: Progress) -> int:
        """Replace one tenant's key, until its only version is under the current root version."""
        done = 0
        # Twice where a rotation to an earlier root version was interrupted.
        for _ in range(_PASSES):
            if self._is_current(tenancy):
                return done
            done += self._replace(tenancy, progress)
        if not self._is_current(tenancy):
            raise StoreError("the root key's version changes all the time; rotate again")
        return done

    def _is_current(self, tenancy: Tenancy) -> bool:
        with self._database.reading() as connection:
            live = tenant_keys.live(connection, tenancy.name)
        return [row.root for row in live] == [self._roots.version]

    def _replace(self, tenancy: Tenancy, progress: Progress) -> int:
        key, keyring = tenancy.keyring.tenant_key, tenancy.keyring
        # No version comes twice: a key store from a backup may have forgotten some the log names.
        said = tenancy.ask(lambda snapshot: key_acts.latest(snapshot, ROTATED))
        wrapping = rewrap.begin(key, at_us=tenancy.now_us(), above=said)
        version, total, done = wrapping.version, sum(keyring.count_by_version().values()), 0

        def tell(keys: int) -> None:
            nonlocal done
            done += keys
            progress(f"wrapping the keys of {tenancy.name}", min(done, total), total)

        [root] = [row.root for row in keyring.history()[0] if row.version == version]
        ended = False
        while not ended:
            rewrap.rewrap(key, wrapping, tell)
            say(tenancy, ROTATED, str(version), {"version": version, "root": root})
            ended = rewrap.end(key, version)
        return done


def say(tenancy: Tenancy, act: str, name: str, facts: dict[str, object]) -> None:
    """An entry in the tenant's log, and a signed statement of it; the second time, nothing."""
    with tenancy.write() as tx:
        if key_acts.is_said(tx, act, name):
            return
        now_us = tenancy.now_us()
        seal = tenancy.keyring.operator.seal
        entry = log.append(tx, act, at_us=now_us, seal=seal, facts=facts)
        statement = {
            **facts,
            "act": act,
            "tenant": tenancy.name,
            "entry": entry.index,
            "at": from_us(now_us).isoformat(),
        }
        public_key, signature = tenancy.sign(tx, statement)
        document = {"statement": statement, "public_key": public_key, "signature": signature}
        key_acts.add(tx, act, name, json.dumps(document))
