"""``shop.aggregates``: figures for everyone, paid for from a budget that survives restarts.

The budget is debited and committed before any noise is drawn: a crash in between wastes budget and
never overspends it. A release is then free to use again.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.moments import DAY_US, from_us
from knowingly.domain.progress import Counted
from knowingly.errors import BudgetExhaustedError
from knowingly.governance.noise import epsilon_of, from_pico_rho, rho_for, to_pico_rho, top_k
from knowingly.governance.periods import Period, period_at, period_before
from knowingly.governance.size_rule import min_people
from knowingly.ledger import log
from knowingly.profiles.scan import scan
from knowingly.recommend.interface.query import returned
from knowingly.recommend.pages.released import BESTSELLERS, Released, load
from knowingly.store import releases as stored
from knowingly.store.doors import Tx
from knowingly.store.releases import ChargeRow, ReleaseRow
from knowingly.tenancy import Tenancy

PURPOSE = "measure"
UNKNOWN = "unknown since a backup"
DELTA = 1e-6
_PURCHASE = KIND_CODE[EventKind.PURCHASE]


@dataclass(frozen=True, slots=True)
class Release:
    """A differentially private list of bestsellers, best first, of one budget period.

    ``epsilon`` at ``delta`` is what it cost each person whose events of that period were counted.

    Privacy: safe to show to anyone.
    Stability: stable.
    """

    items: tuple[str, ...]
    period: str
    at: datetime
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """The privacy loss of each period and over all of them, as epsilon at ``delta``.

    ``per_period`` is what the policy allows each period.

    Stability: stable.
    """

    spent: dict[str, float]
    total: float
    per_period: float
    delta: float


@dataclass(frozen=True, slots=True)
class _Counted:
    counts: NDArray[np.int64]
    people: int


class Aggregates:
    """Releases of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def bestsellers(self) -> Release | None:
        """The newest release, or None; reading it spends nothing."""
        with self._tenancy.read() as snapshot:
            released = load(snapshot)
            ids = self._tenancy.catalogue.at(snapshot).ids
        return _as_release(released, ids) if released is not None else None

    def release_bestsellers(self, progress: Counted | None = None) -> Release | None:
        """Count, charge, draw noise and publish, where enough people are measured.

        The current budget period is tried first, then the one before it, which may have ended
        without a release. Nothing is spent, and None returned, where too few people agreed to be
        measured for the list to be more than noise, or where the newest release is recent.

        Raises:
            BudgetExhaustedError: The period cannot pay; nothing was released.
        """
        rules = self._tenancy.policy.aggregates
        now_us = self._tenancy.now_us()
        current = period_at(now_us, rules.period)
        least = rules.min_people or min_people(rules.epsilon, rules.top)
        for period in (current, period_before(current, rules.period)):
            if self._is_fresh(period, now_us):
                return None
            counted = self._count(period, now_us, progress)
            if counted.people >= least:
                return self._release(period, counted, now_us)
        return None

    def budget(self) -> BudgetReport:
        """What has been spent, by period and in all."""
        with self._tenancy.read() as snapshot:
            spent = stored.spent_by_period(snapshot)
        rhos = {period: from_pico_rho(pico) for period, pico in spent.items()}
        total = sum(spent.values())
        return BudgetReport(
            {period: epsilon_of(rho, DELTA) for period, rho in rhos.items()},
            epsilon_of(from_pico_rho(total), DELTA) if total else 0.0,
            self._tenancy.policy.aggregates.epsilon_per_period,
            DELTA,
        )

    def _is_fresh(self, period: Period, now_us: int) -> bool:
        with self._tenancy.read() as snapshot:
            newest = stored.newest(snapshot, BESTSELLERS)
        if newest is None:
            return False
        age_us = now_us - newest.at_us
        recent = age_us < self._tenancy.policy.aggregates.refresh_days * DAY_US
        # A period that is over and has been released once has nothing new to say.
        over = period.end_us <= now_us and newest.at_us >= period.end_us
        return recent or over

    def _count(self, period: Period, now_us: int, progress: Counted | None) -> _Counted:
        """People per item who bought and kept it within the period: one count each."""
        with self._tenancy.read() as snapshot:
            counts = np.zeros(len(self._tenancy.catalogue.at(snapshot)), np.int64)
            people = 0
            for found in scan(
                self._tenancy,
                snapshot,
                PURPOSE,
                at_us=now_us,
                from_us=period.start_us,
                until_us=min(period.end_us - 1, now_us),
                progress=progress,
            ):
                kind = found.records["kind"]
                pairs = found.person * len(counts) + found.records["item"]
                gone = returned(pairs, kind, found.records["quantity"])
                bought = np.setdiff1d(pairs[kind == _PURCHASE], gone)
                counts += np.bincount(bought % len(counts), minlength=len(counts))
                people += len(found)
        return _Counted(counts, people)

    def _release(self, period: Period, counted: _Counted, now_us: int) -> Release:
        rules = self._tenancy.policy.aggregates
        rho = rho_for(rules.epsilon, DELTA)
        charge = uuid.uuid4().hex
        with self._tenancy.write() as tx:
            self._charge(tx, charge, period, rho, now_us)
        noisy = top_k(counted.counts, k=rules.top, rho=rho)
        row = ReleaseRow(
            what=BESTSELLERS,
            period=period.name,
            at_us=now_us,
            epsilon=rules.epsilon,
            delta=DELTA,
            item_rows=json.dumps(noisy.rows.tolist()),
        )
        with self._tenancy.write() as tx:
            stored.add(tx, charge, row)
            tx.head.release_epoch += 1
            log.append(
                tx,
                "aggregates.released",
                at_us=now_us,
                seal=self._tenancy.keyring.operator.seal,
                facts={"what": BESTSELLERS, "period": period.name, "charge": charge},
            )
            ids = self._tenancy.catalogue.at(tx).ids
        released = Released(noisy.rows, period.name, now_us, rules.epsilon, DELTA)
        return _as_release(released, ids)

    def _charge(self, tx: Tx, charge: str, period: Period, rho: float, now_us: int) -> None:
        pico = to_pico_rho(rho)
        left = _left(self._tenancy, tx, period)
        if pico > left:
            raise BudgetExhaustedError(
                asked=rho, left=from_pico_rho(max(left, 0)), period=period.name
            )
        _debit(self._tenancy, tx, period, pico, what=BESTSELLERS, charge=charge, now_us=now_us)


def spend_the_rest(tenancy: Tenancy, tx: Tx) -> None:
    """Charge all that is left of every period that can still be released from.

    Data from a backup do not know what was released since: the budget may be wasted, and never
    spent twice.
    """
    now_us, kind = tenancy.now_us(), tenancy.policy.aggregates.period
    current = period_at(now_us, kind)
    for period in (current, period_before(current, kind)):
        left = _left(tenancy, tx, period)
        if left > 0:
            charge = uuid.uuid4().hex
            _debit(tenancy, tx, period, left, what=UNKNOWN, charge=charge, now_us=now_us)


def _left(tenancy: Tenancy, tx: Tx, period: Period) -> int:
    """What a period can still pay, in pico-rho."""
    limit = to_pico_rho(rho_for(tenancy.policy.aggregates.epsilon_per_period, DELTA))
    return limit - stored.spent(tx, period.start_us, period.end_us)


def _debit(
    tenancy: Tenancy, tx: Tx, period: Period, pico: int, *, what: str, charge: str, now_us: int
) -> None:
    row = ChargeRow(period.name, period.start_us, period.end_us, pico, what, now_us)
    stored.charge(tx, charge, row)
    log.append(
        tx,
        "budget.charged",
        at_us=now_us,
        seal=tenancy.keyring.operator.seal,
        facts={"period": period.name, "pico_rho": pico, "what": what, "charge": charge},
    )


def _as_release(released: Released, ids: Sequence[str]) -> Release:
    return Release(
        tuple(ids[row] for row in released.rows.tolist()),
        released.period,
        from_us(released.at_us),
        released.epsilon,
        released.delta,
    )
