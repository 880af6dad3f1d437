"""Which policy was in force at a moment."""

from knowingly import activation
from knowingly.policy import Policy
from knowingly.store import policies
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


def policy_at(tenancy: Tenancy, snapshot: Snapshot, at_us: int) -> Policy | None:
    """The policy that was in force at ``at_us``, as it stood then; None where that is not kept."""
    last = policies.activations(snapshot)[-1:]
    # Reading a policy of the past takes milliseconds, and most moments are under today's.
    if [row.digest for row in last if row.at_us <= at_us] == [tenancy.policy.digest]:
        return tenancy.policy
    return activation.policy_at(snapshot, at_us)
