"""One tenant's parts, wired, in databases that are open."""

import re
from collections.abc import Mapping

from knowingly.activation import activate, in_force, is_active, last_chosen, standing
from knowingly.domain.moments import Clock, to_us
from knowingly.errors import InputError, PolicyError, StoreError
from knowingly.opening.databases import Files
from knowingly.policy import Policy
from knowingly.store import events, tenant_keys
from knowingly.store.doors import Store
from knowingly.tenancy import Tenancy, past_name
from knowingly.vault.keyring import Keyring
from knowingly.vault.wrapping import Wrapping

_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def check_tenant(name: str) -> None:
    """Refuse what is no tenant name.

    Raises:
        InputError: It is none; the message does not repeat it.
    """
    if not isinstance(name, str) or not _TENANT.match(name):
        raise InputError(
            "tenant", "1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a-z or 0-9"
        )


def _refuse_to_replace(files: Files, policy: Policy, tenant: str) -> None:
    """Refuse to put a policy that nobody chose in the place of one that somebody did.

    A command run in another folder would otherwise narrow, for good, what notices have told.

    Raises:
        PolicyError: Another policy is in force in this tenant, and it is not one that an earlier
            release shipped.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    if number is None:
        return
    with store.read(number) as snapshot:
        last = last_chosen(snapshot)
    if last is not None and last.digest != policy.digest:
        raise PolicyError(
            "is not here, and this shop has a policy of its own: name its file with --policy or "
            "policy=, or go to its folder; nothing was written",
            path="policy.toml",
        )


def open_tenancy(
    files: Files,
    roots: Wrapping,
    policy: Policy,
    clock: Clock,
    tenant: str,
    *,
    policy_is_chosen: bool = True,
) -> Tenancy:
    """One tenant's parts; a policy that is new to it becomes a ledger entry.

    Raises:
        InputError: The name is no tenant name, or the clock no function.
        PolicyError: A notice has other words than it had when it was in force; or nobody chose the
            policy, and the tenant has one of its own.
        RootKeyError: The root key does not open this tenant's keys.
        StoreError: The key store has lost this tenant's keys.
    """
    check_tenant(tenant)
    if not callable(clock):
        raise InputError("clock", "a function that gives the time now, with a zone")
    if not policy_is_chosen:
        _refuse_to_replace(files, policy, tenant)
    _must_have_its_keys(files, tenant)
    store = Store(files.data)
    keyring = Keyring(files.keys, roots, tenant, at_us=to_us(clock(), "clock"))
    number = store.tenant(tenant)
    wanted = [*policy.purposes, *map(past_name, policy.intake.past_orders.purposes)]
    with store.read(number) as snapshot:
        policy, known = standing(policy, snapshot), events.bits(snapshot)
        settled = is_active(policy, snapshot) and known.keys() >= set(wanted)
    if not settled:
        with store.write(number) as tx:
            # Another process may have put its own policy into force meanwhile.
            policy, known = standing(policy, tx), events.add_bits(tx, wanted)
            activate(
                tx,
                policy,
                at_us=to_us(clock(), "clock"),
                seal=keyring.operator.seal,
                is_chosen=policy_is_chosen,
            )
    return _parts(store, keyring, policy, clock, number=number, known=known)


def open_as_it_is(
    files: Files, roots: Wrapping, clock: Clock, tenant: str, *, otherwise: Policy
) -> Tenancy:
    """One tenant's parts under the policy in force there, which stays; ``otherwise`` where none is.

    For what is done to every tenant at once: another merchant's policy is not theirs.

    Raises:
        RootKeyError: The root key does not open this tenant's keys.
        StoreError: The key store has lost this tenant's keys.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    policy = None
    if number is not None:
        _must_have_its_keys(files, tenant)
        with store.read(number) as snapshot:
            policy, known = in_force(snapshot), events.bits(snapshot)
            policy = None if policy is None else standing(policy, snapshot)
    if number is None or policy is None:
        return open_tenancy(files, roots, otherwise, clock, tenant)
    keyring = Keyring(files.keys, roots, tenant, at_us=to_us(clock(), "clock"))
    return _parts(store, keyring, policy, clock, number=number, known=known)


def _parts(
    store: Store,
    keyring: Keyring,
    policy: Policy,
    clock: Clock,
    *,
    number: int,
    known: Mapping[str, int],
) -> Tenancy:
    masks = {purpose: known[purpose] for purpose in policy.purposes if purpose in known}
    past = {
        purpose: known[past_name(purpose)]
        for purpose in policy.purposes
        if past_name(purpose) in known
    }
    return Tenancy(keyring.tenant, number, store, keyring, policy, clock, masks, past)


def _must_have_its_keys(files: Files, tenant: str) -> None:
    """Refuse a tenant that is in the data and not in the key store: new keys would find nobody.

    A key store from a backup can be older than the tenant. Of a new one, the keys come before
    anything is logged.
    """
    store = Store(files.data)
    number = store.known_tenant(tenant)
    if number is None:
        return
    with store.read(number) as snapshot:
        if not snapshot.head.ledger_size:
            return
    with files.keys.reading() as keys:
        known = tenant_keys.live(keys, tenant)
    if not known:
        raise StoreError(
            f"the key store has no keys of {tenant}, whose data are here: restore a newer backup "
            "of the key store; nothing was written"
        )
