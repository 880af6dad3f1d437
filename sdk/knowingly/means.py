"""Finding what a shop is opened with: its policy, plugins and root keys, besides the databases."""

from dataclasses import dataclass
from pathlib import Path

from knowingly.domain.moments import Clock, system_clock
from knowingly.errors import RootKeyError
from knowingly.opening.databases import Files, open_files
from knowingly.opening.tenants import open_as_it_is, open_tenancy
from knowingly.plugins.host import PluginHost
from knowingly.policy import Policy, load_policy
from knowingly.shop import Shop
from knowingly.tenancy import Tenancy
from knowingly.vault.root import local_root_keys
from knowingly.vault.wrapping import RootKeys, Wrapping, is_root_keys

POLICY_FILE = Path("policy.toml")


def open_shop(
    url: str,
    *,
    policy: Policy | str | Path | None = None,
    keys: str | Path | RootKeys | None = None,
    key_store: str | None = None,
    tenant: str = "default",
    clock: Clock = system_clock,
    strict_plugins: bool = False,
) -> Shop:
    """Open a shop, making its databases on first use.

    Args:
        url: The data: ``sqlite:///shop.db``, or ``postgresql+psycopg://USER@HOST/shop``.
        policy: A policy, or its file; ``policy.toml`` in the working folder when left out, and
            the one that ships where there is none. That one never replaces another.
        keys: The root keys' file, ``"env:NAME"``, a source that a plugin opens (``"vault://…"``),
            or an object of the shape of ``RootKeys``; ``KNOWINGLY_ROOT_KEY`` in the environment
            and then ``knowingly.key`` when left out.
        key_store: Where subjects' keys live; by default a second database beside the data:
            ``shop.keys.db``, or ``shop_keys`` on the same server.
        tenant: The merchant.
        clock: Gives the time now, aware; the system's when left out.
        strict_plugins: Raise for a plugin that would be skipped.

    Raises:
        PolicyError: The policy file cannot be used; it says where, and what to write instead.
        RootKeyError: There is no root key, it cannot be used, or it is not this shop's.
        StoreError: A database is missing, busy, or of another version.
        PluginError: ``strict_plugins`` is set and a plugin was not taken.

    Stability: stable.
    """
    means = find_means(policy, keys, clock, strict_plugins=strict_plugins)
    files = open_files(url, key_store)
    try:
        return means.shop(files, tenant)
    except BaseException:
        files.close()
        raise


@dataclass(frozen=True, repr=False)
class Means:
    """What a shop is opened with, besides its databases."""

    policy: Policy
    host: PluginHost
    roots: Wrapping
    clock: Clock
    policy_is_chosen: bool = True

    def shop(self, files: Files, tenant: str) -> Shop:
        """One merchant's shop in these databases, which are ready for it."""
        return Shop(
            files,
            self.tenancy(files, tenant),
            self.host,
            self.roots,
            policy_is_chosen=self.policy_is_chosen,
        )

    def tenancy(self, files: Files, tenant: str) -> Tenancy:
        """One merchant's parts.

        Raises:
            PolicyError: Nobody chose a policy, and this merchant has one of its own.
        """
        return open_tenancy(
            files,
            self.roots,
            self.policy,
            self.clock,
            tenant,
            policy_is_chosen=self.policy_is_chosen,
        )

    def tenancy_as_it_is(self, files: Files, tenant: str) -> Tenancy:
        """One merchant's parts, under the policy in force there."""
        return open_as_it_is(files, self.roots, self.clock, tenant, otherwise=self.policy)


def find_means(
    policy: Policy | str | Path | None = None,
    keys: str | Path | RootKeys | None = None,
    clock: Clock = system_clock,
    *,
    strict_plugins: bool = False,
) -> Means:
    """Find the policy, the plugins and the root keys, as ``open_shop`` does.

    Raises:
        PolicyError: The policy file cannot be used.
        RootKeyError: There is no root key, or it cannot be used.
        PluginError: ``strict_plugins`` is set and a plugin was not taken.
    """
    if policy is None and POLICY_FILE.is_file():
        policy = POLICY_FILE
    is_chosen = policy is not None
    if not isinstance(policy, Policy):
        policy = load_policy(policy)
    host = PluginHost(allow=policy.plugins.allow, strict=strict_plugins)
    return Means(policy, host, _root_keys(keys, host), clock, policy_is_chosen=is_chosen)


def _root_keys(keys: str | Path | RootKeys | None, host: PluginHost) -> Wrapping:
    if isinstance(keys, str) and "://" in keys:
        # What follows the scheme can hold a token: no message of ours repeats it.
        return Wrapping(host.root_keys(keys), f"{keys.partition('://')[0]}://…")
    if keys is None or isinstance(keys, str | Path):
        local = local_root_keys(keys)
        return Wrapping(local, local.source)
    if not is_root_keys(keys):
        raise RootKeyError("expected a file, 'env:NAME', or root keys", source="keys")
    return Wrapping(keys, type(keys).__name__)
