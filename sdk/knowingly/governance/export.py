"""Access and portability: everything stored of a person, as one document they can read."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from knowingly.domain.actor import ACTOR
from knowingly.domain.consent import ConsentRecord, Decision
from knowingly.domain.event import KINDS
from knowingly.domain.moments import from_us
from knowingly.errors import UnknownSubjectError
from knowingly.governance.claims import Claims
from knowingly.governance.holds import held
from knowingly.governance.recipients import Recipients
from knowingly.ledger import log
from knowingly.profiles import body
from knowingly.profiles import identities as identity_bodies
from knowingly.profiles import traits as trait_bodies
from knowingly.profiles.datamap import FIELDS, tables_to_export
from knowingly.profiles.fields import Fields
from knowingly.profiles.views import past_event
from knowingly.recommend.registry import manifest
from knowingly.recommend.registry.serving import unserved
from knowingly.store import (
    consents,
    events,
    identities,
    ledger,
    models,
    subjects,
    traits,
)
from knowingly.store.consents import Told
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

Section = Callable[["Exporter", Snapshot, SubjectRow], list[dict[str, Any]]]


class Exporter:
    """Writes the export of one tenant's people."""

    def __init__(self, tenancy: Tenancy, fields: Fields) -> None:
        self._tenancy = tenancy
        self._fields = fields

    def export(self, tx: Tx, person: SubjectRow, subject: str) -> dict[str, Any]:
        """The document, and the ledger entry that says it was made."""
        now_us = self._tenancy.now_us()
        known = consents.of(tx, person.subject)
        policy = self._tenancy.policy
        document: dict[str, Any] = {
            "about": subject,
            "made_at": _iso(now_us),
            "shop": {"name": policy.controller.name, "contact": policy.controller.contact},
            "purposes": [
                self._purpose(name, self._tenancy.decide(name, known, at_us=now_us))
                for name in policy.purposes
            ],
        }
        document["recipients"] = [
            {**asdict(one), "at": one.at.isoformat()}
            for one in Recipients(self._tenancy).of(tx, person)
        ]
        for table in tables_to_export():
            document[table] = SECTIONS[table](self, tx, person)
        document["not_included"] = [
            {"table": field.table, "column": field.column, "why": field.note}
            for field in FIELDS
            if field.personal and not field.exported
        ]
        log.append(
            tx,
            "read.export",
            at_us=now_us,
            seal=self._tenancy.keyring.cipher(person.key_id).seal,
            details={"by": "staff"},
            subject=person.subject,
        )
        return document

    def _purpose(self, name: str, decision: Decision) -> dict[str, Any]:
        purpose = self._tenancy.policy.purposes[name]
        return {
            "purpose": name,
            "title": purpose.title,
            "allowed_now": decision.allowed,
            "reason": decision.reason,
            "kept_for_days": purpose.keep_days,
        }

    def consents(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """Every choice."""
        told = consents.told(snapshot, person.subject)
        return [
            _choice(record, *told[record.index, record.purpose])
            for record in consents.of(snapshot, person.subject)
        ]

    def events(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """Every event, whatever it was kept for."""
        cipher = self._tenancy.keyring.cipher(person.key_id)
        catalogue = self._tenancy.catalogue.at(snapshot)
        every = []
        for row in events.of(snapshot, person.subject):
            stored = body.to_event(cipher.open(body.TABLE, row.event, row.body))
            if stored.is_mark:
                continue
            event = past_event(stored, catalogue.ids, catalogue.titles)
            every.append(
                {
                    "what": event.kind.value,
                    "item": event.item,
                    "title": event.title,
                    "at": _iso(event.at_us),
                    "quantity": event.quantity,
                    "price": event.price,
                    "order": event.order,
                    "after_page": event.after
                    and {"slot": event.after.slot, "model_version": event.after.training},
                    "kept_for": [
                        name
                        for name in self._tenancy.masks
                        if row.purposes & self._tenancy.every_mask(name)
                    ],
                }
            )
        return every

    def traits(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """Every trait, whatever it was kept for, with what the data map says of its field."""
        cipher = self._tenancy.keyring.cipher(person.key_id)
        declared = self._fields.all()
        every = []
        for row in traits.of(snapshot, person.subject):
            trait = trait_bodies.unseal(cipher, row)
            field = declared.get(trait.field)
            told: dict[str, Any] = {
                "field": trait.field,
                "title": field.title if field else "",
                "category": field.category if field else "other",
                "source": trait.source,
                "origin": trait.origin,
                "since": _iso(trait.at_us),
                "kept_for": [
                    name for name, mask in self._tenancy.masks.items() if row.purposes & mask
                ],
            }
            if field is None or field.export:
                told["value"] = trait.value
            else:
                told["not_shown"] = field.export_note
            every.append(told)
        return sorted(every, key=lambda told: str(told["field"]))

    def identities(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """Every identity by which the person can be found."""
        cipher = self._tenancy.keyring.cipher(person.key_id)
        known = [
            identity_bodies.unseal(cipher, row) for row in identities.of(snapshot, person.subject)
        ]
        return [{"kind": one.kind, "value": one.value} for one in sorted(known)]

    def holds(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """The legal hold, if there is one."""
        return [asdict(one) for one in held(self._tenancy, snapshot, person)]

    def claims(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """What is kept for legal claims from before an erasure of theirs."""
        kept = Claims(self._tenancy).of(snapshot, subjects.lookup_of(snapshot, person.subject))
        return [
            {
                "erasure": one.erasure,
                "until": one.until.isoformat(),
                "hold": one.hold,
                "choices": [
                    {
                        "entry": choice.entry.index,
                        "kind": choice.entry.kind,
                        "at": choice.entry.at.isoformat(),
                        "facts": dict(choice.entry.facts),
                        "how": dict(choice.how),
                    }
                    for choice in one.choices
                ],
            }
            for one in kept
        ]

    def entries(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """The ledger entries that are about the person."""
        cipher = self._tenancy.keyring.cipher(person.key_id)
        mine = []
        for index, leaf, sealed in ledger.details_of(snapshot, person.subject):
            entry = log.as_entry(index, leaf)
            plain = cipher.open(log.DETAILS, log.row_name(index), sealed)
            mine.append(
                {
                    "entry": index,
                    "kind": entry.kind,
                    "at": entry.at.isoformat(),
                    "facts": dict(entry.facts),
                    "details": _without_name(json.loads(plain[log.SECRET_BYTES :])),
                }
            )
        return mine

    def learned(self, snapshot: Snapshot, person: SubjectRow) -> list[dict[str, Any]]:
        """What trained models have learned from the person."""
        catalogue = self._tenancy.catalogue.at(snapshot)
        cipher = self._tenancy.keyring.cipher(person.key_id)
        learned = []
        for training, sealed in sorted(models.manifest(snapshot, person.subject)):
            records = manifest.unseal(cipher, person.subject, training, sealed)
            version = unserved(self._tenancy.keyring, snapshot, training)
            rows = np.zeros(0, int)
            if version is not None and len(version.items):
                rows = version.items[records["item"]]
            learned.append(
                {
                    "training": training,
                    "events": [
                        {"what": KINDS[int(kind)].value, "item": catalogue.ids[int(row)]}
                        for kind, row in zip(records["kind"], rows, strict=False)
                    ],
                }
            )
        return learned


SECTIONS: dict[str, Section] = {
    "consent_records": Exporter.consents,
    "events": Exporter.events,
    "traits": Exporter.traits,
    "identities": Exporter.identities,
    "holds": Exporter.holds,
    "claims": Exporter.claims,
    "ledger_details": Exporter.entries,
    "manifests": Exporter.learned,
}
"""How each exported table is written; a test holds it to the data map."""


def find(tenancy: Tenancy, snapshot: Snapshot, subject: str) -> SubjectRow:
    """The active person with this id.

    Raises:
        UnknownSubjectError: There is none.
    """
    person = subjects.find(snapshot, tenancy.keyring.lookup(subject))
    if person is None or person.state != ACTIVE:
        raise UnknownSubjectError(subjects.count(snapshot))
    return person


def _without_name(details: dict[str, Any]) -> dict[str, Any]:
    """An entry's details without the names of who acted, or agreed as a guardian: other people's.

    Source: CJEU C-579/21: what was done and when is the subject's to know, which employee did it
    is not, unless they need it to use their rights.
    """
    told = dict(details)
    if ACTOR in told:
        told[ACTOR] = {"kind": told[ACTOR]["kind"]}
    if "origin" in told:
        told["origin"] = {name: said for name, said in told["origin"].items() if name != "guardian"}
    return told


def _iso(us: int) -> str:
    return from_us(us).isoformat()


def _choice(record: ConsentRecord, how: Told, applied_us: int) -> dict[str, Any]:
    return {
        "purpose": record.purpose,
        "choice": record.action.value,
        "chosen_at": _iso(record.at_us),
        "recorded_at": _iso(record.received_us),
        "notice": record.notice,
        "scope": record.scope,
        "surface": how.surface,
        "jurisdiction": how.jurisdiction,
        "signal": record.source,
        "flaw": record.flaw,
        "over_an_opt_out": record.confirmed,
        "took_effect_at": _iso(applied_us),
        "entry": record.index,
    }
