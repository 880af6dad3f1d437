"""``shop.rights``: access, portability and erasure."""

from dataclasses import replace
from typing import Any

from knowingly.domain.validate import check_id
from knowingly.governance.certificate import Addendum, Certificate
from knowingly.governance.erasure import Erasures
from knowingly.governance.export import Exporter, find
from knowingly.governance.rotation import DESTROYED
from knowingly.store import key_acts
from knowingly.store import rights as stored
from knowingly.tenancy import Tenancy


class Rights:
    """What a person can ask of the shop.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, exporter: Exporter, erasures: Erasures) -> None:
        self._tenancy = tenancy
        self._exporter = exporter
        self._erasures = erasures

    def export(self, subject: str) -> dict[str, Any]:
        """Everything stored of a person, as one JSON-ready document; a ledger entry notes it.

        Raises:
            UnknownSubjectError: No such person is known.

        Privacy: holds everything; hand it to that person only.
        """
        check_id(subject)
        with self._tenancy.write() as tx:
            person = find(self._tenancy, tx, subject)
            return self._exporter.export(tx, person, subject)

    def erase(self, subject: str) -> Certificate:
        """Erase a person everywhere: models, rows, key. Returns the signed certificate.

        Raises:
            UnknownSubjectError: No such person is known.
        """
        return self._erasures.erase(check_id(subject))

    def certificates(self) -> list[Certificate]:
        """Every certificate of erasure, oldest first: also of those that a crash interrupted.

        Each comes with what was signed since of the root keys it names.
        """
        with self._tenancy.read() as snapshot:
            destroyed = key_acts.documents(snapshot, DESTROYED)
            found = [Certificate.from_json(text) for text in stored.certificates(snapshot)]
        return [
            replace(
                one,
                addenda=tuple(
                    Addendum.from_json(destroyed[root])
                    for root in one.root_keys
                    if root in destroyed
                ),
            )
            for one in found
        ]
