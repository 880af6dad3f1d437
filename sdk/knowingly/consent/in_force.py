"""Which policy was in force at a moment."""

from knowingly.policy import Policy
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


def policy_at(tenancy: Tenancy, snapshot: Snapshot, at_us: int) -> Policy | None:  # noqa: ARG001 - the seam
    """The policy that was in force at ``at_us``; None where that is not kept."""
    return tenancy.policy
