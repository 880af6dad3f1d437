"""Models that forget by a refit: marked with a deadline, and out of service once it is past.

A model that cannot subtract still has what it learned from whoever is to be forgotten. The policy
says whether it may be served until it was fitted again, by a day, or not at all.
"""

from collections.abc import Iterable

from knowingly.domain.moments import DAY_US, from_us
from knowingly.ledger import log
from knowingly.policy import Policy
from knowingly.recommend.registry.serving import Registry, Serving
from knowingly.recommend.registry.signed import Signed
from knowingly.store import models as stored
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

OUT_OF_SERVICE = "out of service"
REFIT_BY = "refit by"


def deadline_us(policy: Policy, at_us: int) -> int | None:
    """Until when a model may be served that should forget somebody at this moment; None: not."""
    rules = policy.models
    return None if rules.forget == "strict" else at_us + rules.refit_within_days * DAY_US


def put_off(tenancy: Tenancy, serving: Serving, tx: Tx, name: str) -> str:
    """Let a model wait for its refit, where the policy allows that; what became of it.

    The earliest deadline stands, however many are forgotten until then.
    """
    row, now_us = serving.known[name], tenancy.now_us()
    by_us = deadline_us(tenancy.policy, now_us)
    if by_us is not None and row.refit_by_us is not None:
        by_us = min(by_us, row.refit_by_us)
    if by_us is None or by_us <= now_us:
        return take_out(tenancy, serving, tx, name)
    signed = Signed(tenancy.keyring, serving.training)
    stored.change_model(tx, serving.training, signed.model(row._replace(refit_by_us=by_us)))
    return f"{REFIT_BY} {from_us(by_us).date().isoformat()}"


def take_out(tenancy: Tenancy, serving: Serving, tx: Tx, name: str) -> str:
    """Stop serving a model, and delete its parameters and counts; what became of it."""
    # What somebody else wrote of a model is not made good by a tag of ours.
    if name not in serving.faults:
        row = serving.known[name]._replace(in_service=False, refit_by_us=None)
        signed = Signed(tenancy.keyring, serving.training)
        stored.change_model(tx, serving.training, signed.model(row))
    stored.delete_parameters(tx, serving.training, name)
    return OUT_OF_SERVICE


def was_put_off(outcomes: Iterable[str]) -> int:
    """How many models wait for a refit, of what became of each."""
    return sum(outcome.startswith(REFIT_BY) for outcome in outcomes)


def take_out_overdue(tenancy: Tenancy, registry: Registry) -> list[str]:
    """Take every model out of service whose deadline is past; their names."""
    if not tenancy.ask(lambda snapshot: _overdue(registry.at(snapshot), tenancy.now_us())):
        return []
    with tenancy.write() as tx:
        now_us = tenancy.now_us()
        serving = registry.at(tx)
        names = _overdue(serving, now_us)
        if serving is not None and names:
            for name in names:
                take_out(tenancy, serving, tx, name)
            tx.head.model_epoch += 1
            facts = {"training": serving.training, "algorithms": names}
            seal = tenancy.keyring.operator.seal
            log.append(tx, "models.overdue", at_us=now_us, seal=seal, facts=facts)
    return names


def _overdue(serving: Serving | None, at_us: int) -> list[str]:
    known = serving.known if serving is not None else {}
    return [name for name in known if serving is not None and serving.is_overdue(name, at_us)]
