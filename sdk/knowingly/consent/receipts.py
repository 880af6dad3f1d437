"""Receipts in full: the record of a choice, as a document that others can read and check.

The document is that of ISO/IEC TS 27560 in the W3C's Data Privacy Vocabulary, as JSON-LD; a JSON
Schema of it ships beside this file. What the shop says of itself, the purposes and the notice is
taken from the policy that was in force when the choice was made, by its digest in the log. The
person stands in it by the entry's random handle.

Source: https://w3id.org/dpv/guides/consent-27560
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from knowingly.domain.consent import Action, ConsentRecord, ConsentStatus, Receipt
from knowingly.domain.moments import from_us
from knowingly.errors import InputError, SealError, UnknownSubjectError
from knowingly.ledger import log, proofs
from knowingly.ledger.entry_proof import entry_proof
from knowingly.ledger.log import Entry
from knowingly.policy import Policy, Purpose, recall
from knowingly.store import consents, ledger, policies, subjects
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

CONTEXT = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "knowingly": "urn:knowingly:",
}
PROFILE = "https://w3id.org/dpv/schema/dpv-27560"
EEA = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
        *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
"""Where the GDPR applies: the receipt says under which of its articles only there."""
_BASIS = {
    "consent": ("dpv:Consent", "eu-gdpr:A6-1-a"),
    "contract": ("dpv:Contract", "eu-gdpr:A6-1-b"),
    "legal_obligation": ("dpv:LegalObligation", "eu-gdpr:A6-1-c"),
    "legitimate_interest": ("dpv:LegitimateInterest", "eu-gdpr:A6-1-f"),
}
_ROLES = {
    "processor": "dpv:DataProcessor",
    "joint_controller": "dpv:JointDataControllers",
    "controller": "dpv:ThirdParty",
}
_RIGHTS = [f"eu-gdpr:A{number}" for number in ("7-3", "15", "16", "17", "18", "20", "21", "77")]
_STATUS = {
    Action.GRANT: ConsentStatus.CONSENT_GIVEN,
    Action.REFUSE: ConsentStatus.CONSENT_REFUSED,
    Action.OBJECT: ConsentStatus.CONSENT_REFUSED,
    Action.WITHDRAW: ConsentStatus.CONSENT_WITHDRAWN,
    Action.REVOKE: ConsentStatus.CONSENT_REVOKED,
    Action.INVALIDATE: ConsentStatus.CONSENT_INVALIDATED,
    Action.REQUEST: ConsentStatus.CONSENT_REQUESTED,
    Action.DEFER: ConsentStatus.CONSENT_REQUEST_DEFERRED,
}
_BY = {
    "subject": "dpv:DataSubject",
    "guardian": "dpv:GuardianOfDataSubject",
    "agent": "dpv:Representative",
    "operator": "dpv:DataController",
}


def receipt_schema() -> dict[str, Any]:
    """The JSON Schema that every ``Receipt.document`` fits.

    Stability: stable.
    """
    text = files("knowingly.consent").joinpath("receipt.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


class Issuer:
    """Issues one person's receipts in full; it goes with a receipt, and is no part of its value."""

    __slots__ = ("_subject", "_tenancy")

    def __init__(self, tenancy: Tenancy, subject: int) -> None:
        self._tenancy, self._subject = tenancy, subject

    def __repr__(self) -> str:
        return "Issuer()"

    def __deepcopy__(self, _: object) -> "Issuer":
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        # A receipt that leaves the process leaves the shop behind.
        return type(None), ()

    def document(self, receipt: Receipt, subject: str | None) -> dict[str, Any]:
        """The receipt in full; see ``Receipt.document``."""
        with self._tenancy.read() as snapshot:
            self._tenancy.keyring.watch(snapshot.head.shred_epoch)
            person = subjects.number(snapshot, self._subject)
            if person is None or person.state != ACTIVE:
                raise UnknownSubjectError(subjects.count(snapshot))
            return _Document(self._tenancy, snapshot, person, receipt).whole(subject)

    def proof(self, receipt: Receipt) -> str:
        """The proof alone; see ``Receipt.proof``."""
        with self._tenancy.read() as snapshot:
            return entry_proof(snapshot, receipt.index, self._tenancy)


def find_receipt(tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow, index: int) -> Receipt:
    """The receipt of one of a person's choices, given again.

    Raises:
        InputError: No choice of theirs has this entry.
    """
    mine = [leaf for at, leaf, _ in ledger.details_of(snapshot, person.subject) if at == index]
    entry = log.as_entry(index, mine[0]) if mine else None
    if entry is None or not entry.kind.startswith("consent."):
        raise InputError("index", "the entry of one of this person's choices")
    return Receipt(
        entry.index,
        entry.handle,
        entry.leaf_hash,
        Action(entry.kind.removeprefix("consent.")),
        tuple(entry.facts["purposes"]),
        entry.at,
        entry.facts.get("notice"),
        issuer=Issuer(tenancy, person.subject),
    )


class _Document:
    """One receipt being written: the entry, the policy it was made under, and how it was made."""

    def __init__(
        self, tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow, receipt: Receipt
    ) -> None:
        self._tenancy, self._snapshot, self._receipt = tenancy, snapshot, receipt
        [self._entry] = log.entries(snapshot, since=receipt.index, limit=1)
        self._policy = _policy_of(tenancy, snapshot, self._entry)
        self._records = consents.of(snapshot, person.subject)
        self._details = _details(tenancy, snapshot, person)

    def whole(self, subject: str | None) -> dict[str, Any]:
        """The receipt, around one record."""
        handle = bytes.fromhex(self._entry.handle)
        name = uuid.UUID(bytes=sha256(handle + b"receipt").digest()[:16], version=4)
        return {
            "@context": CONTEXT,
            "@id": name.urn,
            "@type": "dpv:ConsentReceipt",
            "dct:identifier": str(name),
            "dct:conformsTo": f"{PROFILE}#receipt",
            "dct:created": from_us(self._tenancy.now_us()).isoformat(),
            "dpv:hasRecordOfActivity": [self._record(uuid.UUID(bytes=handle, version=4), subject)],
            "knowingly:hasProof": self._proof(),
        }

    def _record(self, name: uuid.UUID, subject: str | None) -> dict[str, Any]:
        person: dict[str, Any] = {
            "@id": f"knowingly:handle:{self._entry.handle}",
            "@type": "dpv:DataSubject",
        }
        if subject is not None:
            person["dct:identifier"] = subject
        record: dict[str, Any] = {
            "@id": name.urn,
            "@type": "dpv:ConsentRecord",
            "dct:identifier": str(name),
            "dct:conformsTo": f"{PROFILE}#record",
            "dpv:hasDataSubject": person,
            "dpv:hasDataController": self._controller(),
            "dpv:hasJurisdiction": self._place(),
            "dpv:hasProcess": [self._process(one) for one in self._purposes()],
            "dpv:hasRight": _RIGHTS if self._is_eea() else ["dpv:DataSubjectRight"],
            "dpv:hasConsentControl": self._control(),
            "dpv:hasConsentStatus": list(self._history()),
        }
        if self._is_eea():
            record["dpv:hasApplicableLaw"] = ["eu-gdpr:GDPR"]
        notice = self._notice()
        if notice is not None:
            record["dpv:hasNotice"] = notice
        return record

    def _purposes(self) -> list[str]:
        """The purposes of the entry that its policy declares; of a restriction, every one."""
        known = self._policy.purposes
        named = [one for one in self._receipt.purposes if one in known]
        return named or list(known)

    def _controller(self) -> dict[str, Any]:
        said = self._policy.controller
        told = {
            "@type": "dpv:DataController",
            "dpv:hasName": said.name,
            "dpv:hasAddress": said.address,
            "dpv:hasContact": said.contact,
            "dpv:hasRepresentative": said.representative,
            "knowingly:dataProtectionOfficer": said.dpo,
        }
        return {name: value for name, value in told.items() if value}

    def _jurisdiction(self) -> str | None:
        own = self._details.get(self._entry.index, {}).get("jurisdiction")
        return str(own) if own else self._policy.controller.jurisdiction

    def _place(self) -> str:
        found = self._jurisdiction()
        return f"loc:{found}" if found else "knowingly:not-stated"

    def _is_eea(self) -> bool:
        return (self._jurisdiction() or "").partition("-")[0] in EEA

    def _process(self, name: str) -> dict[str, Any]:
        purpose = self._policy.purposes[name]
        generic, gdpr = _BASIS[purpose.basis]
        return {
            "@type": "dpv:Process",
            "dct:identifier": name,
            "dct:title": purpose.title,
            "dct:description": purpose.description,
            "dct:hasVersion": str(purpose.version),
            "dpv:hasLegalBasis": [generic, gdpr] if self._is_eea() else [generic],
            "dpv:hasPurpose": [f"dpv:{term}" for term in purpose.dpv] or ["dpv:Purpose"],
            "dpv:hasPersonalData": [
                {"@type": "dpv:PersonalData", "dct:title": one}
                for one in sorted(self._policy.width(name).data)
            ],
            "dpv:hasRecipient": [self._recipient(one) for one in purpose.recipients],
            "dpv:hasStorageCondition": [
                {"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{purpose.keep_days}D"}
            ],
        }

    def _recipient(self, name: str) -> dict[str, Any]:
        said = self._policy.recipients[name]
        return {
            "@type": _ROLES[said.role],
            "dct:identifier": name,
            "dpv:hasName": said.name,
            "dpv:hasLocation": f"loc:{said.country}",
        }

    def _control(self) -> dict[str, Any]:
        """Where a choice is changed: as it was made, or by writing to the controller."""
        how = self._details.get(self._entry.index, {})
        made = [str(how[name]) for name in ("surface", "method") if name in how]
        places = [*([" / ".join(made)] if made else []), self._policy.controller.contact]
        return {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": [place for place in places if place] or ["the shop"],
        }

    def _notice(self) -> dict[str, Any] | None:
        """The notice of the choice; of one without, that of the agreement it is about."""
        facts = self._entry.facts
        shown = facts.get("notice") or self._earlier_notice()
        if shown is None:
            return None
        told: dict[str, Any] = {
            "@id": f"knowingly:notice:{shown}",
            "@type": "dpv:ConsentNotice",
            "dct:identifier": shown,
        }
        notice = self._policy.notice(shown)
        if notice is not None:
            told |= {"dct:language": notice.language, "dct:hasVersion": notice.version}
            told["knowingly:sha256"] = facts.get("notice_digest", notice.digest)
        return told

    def _earlier_notice(self) -> str | None:
        about = self._purposes()
        asked = [
            one.notice
            for one in self._records
            if one.purpose in about and one.index < self._entry.index
        ]
        return next((one for one in reversed(asked) if one is not None), None)

    def _history(self) -> Iterator[dict[str, Any]]:
        """What became of the purposes, choice by choice, until now."""
        given: set[str] = set()
        wanted = set(self._purposes())
        for record in sorted(self._records, key=lambda one: one.index):
            if record.purpose not in wanted and record.index != self._entry.index:
                continue
            status = self._status(record, given)
            if status is None:
                continue
            yield self._event(record, status)

    def _status(self, record: ConsentRecord, given: set[str]) -> ConsentStatus | None:
        if record.action is Action.GRANT:
            renewed = record.purpose in given
            given.add(record.purpose)
            if record.flaw is not None:
                return ConsentStatus.CONSENT_INVALIDATED
            return ConsentStatus.RENEWED_CONSENT_GIVEN if renewed else ConsentStatus.CONSENT_GIVEN
        return _STATUS.get(record.action, ConsentStatus.CONSENT_UNKNOWN)

    def _event(self, record: ConsentRecord, status: ConsentStatus) -> dict[str, Any]:
        how = self._details.get(record.index, {})
        event: dict[str, Any] = {
            "@type": [f"dpv:{status.value}"],
            "dct:subject": record.purpose,
            "dct:description": record.action.value,
            "dpv:isIndicatedBy": _BY.get(str(how.get("by", "subject")), "knowingly:system"),
            "dpv:isIndicatedAtTime": from_us(record.at_us).isoformat(),
            "dct:dateSubmitted": from_us(record.received_us).isoformat(),
            "knowingly:entry": record.index,
        }
        if "method" in how:
            event["dpv:hasIndicationMethod"] = str(how["method"])
        purpose: Purpose | None = self._policy.purposes.get(record.purpose)
        if record.action is Action.GRANT and purpose is not None and purpose.valid_days:
            event["dct:valid"] = f"P{purpose.valid_days}D"
        return event

    def _proof(self) -> dict[str, Any]:
        return {
            "@type": "knowingly:InclusionProof",
            "dct:format": proofs.TLOG_PROOF,
            "knowingly:entry": self._entry.index,
            "knowingly:leafHash": self._entry.leaf_hash,
            "knowingly:proof": entry_proof(self._snapshot, self._entry.index, self._tenancy),
            "knowingly:verifierKey": self._tenancy.note_key(self._snapshot).verifier_key,
        }


def _policy_of(tenancy: Tenancy, snapshot: Snapshot, entry: Entry) -> Policy:
    """The policy in force when the entry was made, where it was kept; today's otherwise."""
    digest = str(entry.facts.get("policy", ""))
    if digest == tenancy.policy.digest:
        return tenancy.policy
    body = policies.bodies(snapshot).get(digest)
    return tenancy.policy if body is None else recall(body)


def _details(
    tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow
) -> Mapping[int, Mapping[str, Any]]:
    """How each of a person's choices was made; of those said without their key, nothing."""
    found: dict[int, Mapping[str, Any]] = {}
    cipher = tenancy.keyring.cipher(person.key_id)
    for index, leaf, sealed in ledger.details_of(snapshot, person.subject):
        if b'"kind":"consent.' in leaf:
            try:
                plain = cipher.open(log.DETAILS, log.row_name(index), sealed)
            except SealError:
                continue
            found[index] = json.loads(plain[log.SECRET_BYTES :])
    return found
