"""The data map: every column that is stored, what it is, and what becomes of it.

One table drives export, erasure and the documentation. A column that is not in it fails the build.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Form = Literal["clear", "sealed", "keyed hash", "random", "wrapped key"]
Erase = Literal["deleted", "kept"]


@dataclass(frozen=True, slots=True)
class Field:
    """One stored column.

    ``personal`` says whether it is about a person. ``exported`` whether an access request gets it;
    a personal column that is not exported says why in ``note``, as does one that outlives an
    erasure (``erase="kept"``), and one that is personal and in clear.
    """

    table: str
    column: str
    form: Form
    personal: bool = False
    exported: bool = False
    erase: Erase = "kept"
    note: str = ""


def _person(table: str, column: str, form: Form, *, exported: bool = True, note: str = "") -> Field:
    return Field(table, column, form, personal=True, exported=exported, erase="deleted", note=note)


def _shops(table: str, *columns: str, form: Form = "clear", note: str = "") -> list[Field]:
    return [Field(table, column, form, note=note) for column in columns]


_ROW = "a number that means nothing outside this database"
_FINDS = "finds the row; the app's id itself is never stored"
_LEADS = "leads from an e-mail or the like to the person's number; the value itself is sealed"

_OF_FILE = "of a file's path, or of its bytes; neither is stored"

_TOMBSTONE: tuple[tuple[str, Form], ...] = (
    ("lookup", "keyed hash"),
    ("erased_us", "clear"),
    ("keep_until_us", "clear"),
)

_CLAIMS = "evidence of an erased person's choices, for legal claims, until its date"
_CLAIM: tuple[tuple[str, Form], ...] = (
    ("erasure", "random"),
    ("lookup", "keyed hash"),
    ("key_id", "random"),
    ("keep_until_us", "clear"),
    ("state", "clear"),
)

_TOLD = "says what the export lists as disclosed; kept until the recipient has been told"
_NOTIFICATION: tuple[tuple[str, Form], ...] = (
    ("notification", "random"),
    ("erasure", "random"),
    ("recipient", "clear"),
    ("key_id", "random"),
    ("created_us", "clear"),
    ("tries", "clear"),
    ("body", "sealed"),
)

FIELDS: tuple[Field, ...] = (
    *_shops("shop", "shop_id"),
    *_shops(
        "tenants",
        *("tenant", "name", "policy_digest", "next_subject", "next_item", "next_training"),
        *("ledger_size", "ledger_frontier", "item_epoch", "model_epoch", "release_epoch"),
        *("shred_epoch", "training"),
    ),
    *_shops("policies", "tenant", "digest"),
    *_shops("policies", "body", note="what the shop's policy file said, its contacts included"),
    *_shops("policy_activations", "tenant", "idx", "digest", "at_us"),
    *_shops(
        "items",
        *("tenant", "row", "item_id", "title", "categories", "brand", "price", "in_stock"),
        *("pinned", "published_us", "epoch", "unpublished_us", "markets", "shown", "details"),
    ),
    *_shops("variants", "tenant", "variant_id", "row", "epoch"),
    *_shops("subjects", "tenant"),
    _person("subjects", "subject", "clear", exported=False, note=_ROW),
    _person("subjects", "lookup", "keyed hash", exported=False, note=_FINDS),
    _person("subjects", "key_id", "random", exported=False, note="names the person's key"),
    _person("subjects", "state", "clear", exported=False, note="active, or being erased"),
    _person(
        "subjects", "name_salt", "random", exported=False, note="in the keyed hashes of events"
    ),
    *_shops("consent_records", "tenant"),
    _person("consent_records", "subject", "clear", exported=False, note=_ROW),
    *(
        _person(
            "consent_records", column, "clear", note="asked before anything sealed may be opened"
        )
        for column in (
            "idx",
            "purpose",
            "action",
            "scope",
            "at_us",
            "received_us",
            "notice",
            "source",
            "flaw",
            "confirmed",
        )
    ),
    *(
        _person("consent_records", column, "clear", note="counted without opening anything")
        for column in ("surface", "jurisdiction", "applied_us")
    ),
    *_shops("events", "tenant"),
    _person("events", "subject", "clear", exported=False, note=_ROW),
    _person("events", "event", "keyed hash", exported=False, note="refuses the same event twice"),
    _person("events", "day", "clear", note="the least that retention and newest-first reads need"),
    _person("events", "purposes", "clear", note="asked before the body may be opened"),
    _person("events", "body", "sealed", note="what was done, and after a page of which slot"),
    *_shops("traits", "tenant"),
    _person("traits", "subject", "clear", exported=False, note=_ROW),
    _person("traits", "trait", "keyed hash", exported=False, note="finds the field's one value"),
    _person("traits", "day", "clear", note="the least that retention needs"),
    _person("traits", "purposes", "clear", note="asked before the body may be opened"),
    _person("traits", "body", "sealed"),
    *_shops("identities", "tenant"),
    _person("identities", "identity", "keyed hash", exported=False, note=_LEADS),
    _person("identities", "subject", "clear", exported=False, note=_ROW),
    _person("identities", "body", "sealed"),
    *_shops("holds", "tenant"),
    _person("holds", "subject", "clear", exported=False, note=_ROW),
    _person("holds", "body", "sealed"),
    *_shops("purpose_bits", "tenant", "purpose", "bit"),
    *_shops("tombstones", "tenant"),
    *(
        Field(
            "tombstones",
            column,
            form,
            personal=True,
            note="keeps an erased person from coming back by a re-import, until its date",
        )
        for column, form in _TOMBSTONE
    ),
    *_shops("claims", "tenant"),
    *(Field("claims", column, form, personal=True, note=_CLAIMS) for column, form in _CLAIM),
    *(
        Field("claims", column, "sealed", personal=True, exported=True, note=_CLAIMS)
        for column in ("body", "hold")
    ),
    *_shops("notifications", "tenant"),
    *(
        Field("notifications", column, form, personal=True, note=_TOLD)
        for column, form in _NOTIFICATION
    ),
    *_shops("ledger_entries", "tenant", "idx"),
    *_shops("ledger_entries", "leaf", note="names no person, and nothing leads back to one"),
    *_shops("ledger_nodes", "tenant", "level", "pos", "hash"),
    *_shops("ledger_details", "tenant", "idx"),
    _person("ledger_details", "subject", "clear", exported=False, note=_ROW),
    _person("ledger_details", "body", "sealed"),
    *_shops(
        "checkpoints",
        *("tenant", "size", "at_us", "note", "handed_on"),
        note="of the whole log, and of nobody",
    ),
    *_shops(
        "trainings",
        *("tenant", "training", "created_us", "until_us", "oldest_day", "seed", "floor", "people"),
        *("ledger_size", "policy_digest", "item_rows", "events", "tag"),
        note="of all people together; the oldest day is that of one event, and of nobody named",
    ),
    *_shops(
        "models",
        *("tenant", "training", "algorithm", "kind", "forgets", "options", "arrays", "width"),
        *("in_service", "metrics", "refit_by_us", "tag"),
    ),
    *_shops("model_rows", "tenant", "training", "algorithm", "row", "epoch"),
    *_shops(
        "model_rows",
        "body",
        form="sealed",
        note="item-side parameters; erased people are subtracted from them",
    ),
    *_shops("model_counts", "tenant", "training", "algorithm", "row"),
    *_shops(
        "model_counts",
        "body",
        form="sealed",
        note="counts of people per item or pair; erased people are subtracted",
    ),
    *_shops("manifests", "tenant", "training"),
    _person("manifests", "subject", "clear", exported=False, note=_ROW),
    _person("manifests", "body", "sealed"),
    *_shops(
        "charges",
        *("tenant", "charge", "period", "pico_rho", "start_us", "end_us", "what", "at_us"),
    ),
    *_shops(
        "releases",
        *("tenant", "charge", "what", "period", "at_us", "epsilon", "delta", "item_rows"),
        note="differentially private",
    ),
    *_shops("erasures", "tenant", "erasure", "step", "progress", "certificate"),
    _person("erasures", "subject", "clear", exported=False, note="only while an erasure runs"),
    _person("erasures", "key_id", "random", exported=False, note="only while an erasure runs"),
    *_shops("imports", "tenant"),
    *_shops("imports", "source", "fingerprint", form="keyed hash", note=_OF_FILE),
    *_shops(
        "imports",
        *("position", "line", "rows", "kept", "duplicates", "counts", "saved_us"),
        note="only until the import has ended",
    ),
    *_shops("import_refusals", "tenant"),
    *_shops("import_refusals", "source", form="keyed hash", note=_OF_FILE),
    *_shops(
        "import_refusals",
        *("number", "line", "field", "expected"),
        note="where a row was bad and what was expected, never what stood there",
    ),
    *_shops("key_acts", "tenant", "act", "name", "document"),
    *_shops("key_shop", "shop_id"),
    *_shops("root_versions", "root", "first_used_us", "retired_us", "destroyed_us"),
    *_shops("tenant_keys", "tenant", "version"),
    *_shops("tenant_keys", "wrapped", form="wrapped key"),
    *_shops("tenant_keys", "root", "created_us"),
    *_shops("tenant_secrets", "tenant", "name"),
    *_shops("tenant_secrets", "wrapped", form="wrapped key"),
    *_shops("subject_keys", "tenant"),
    _person("subject_keys", "key_id", "random", exported=False, note="names the person's key"),
    _person(
        "subject_keys", "created_us", "clear", exported=False, note="lets a sweep wait an hour"
    ),
    _person(
        "subject_keys",
        "wrapped",
        "wrapped key",
        exported=False,
        note="a key is not given away: it opens what others hold copies of",
    ),
    _person(
        "subject_keys", "tenant_version", "clear", exported=False, note="says what wraps the key"
    ),
    _person(
        "subject_keys",
        "first_version",
        "clear",
        exported=False,
        note="says which root keys open old copies of it",
    ),
)


TABLES: Mapping[str, str] = {
    "shop": "Which shop this is; its key store says the same, so that no other's is taken for it.",
    "tenants": "Where each merchant's counters stand, which every transaction reads first.",
    "policies": "The policies that were in force, which an auditor reads.",
    "policy_activations": "From when on each policy counted: a decision of that day is made by it.",
    "items": "What the shop sells, which it shows to everybody, and pages are filtered by.",
    "variants": "Which item each variant is of; also shown to everybody.",
    "subjects": "People by number, found by a keyed hash, and the key each has.",
    "consent_records": "What was chosen, by whom and when: asked before anything may be opened.",
    "events": "What people did. Only what is needed to order, count and delete rows is in clear.",
    "traits": "What is known of people. As for events.",
    "identities": "What else leads to a person, by a keyed hash.",
    "holds": "For whom a legal claim holds back deletion.",
    "purpose_bits": "Which bit stands for each purpose, in the rows of events and traits.",
    "tombstones": "Who was erased, by a keyed hash, and until when that is kept.",
    "claims": "What is kept of an erased person's choices for legal claims, and until when.",
    "notifications": "Who is yet to be told of an erasure or a no.",
    "ledger_entries": "The log: what an outsider verifies has to be readable by them.",
    "ledger_nodes": "Hashes of the log's entries, and of hashes: they say nothing without those.",
    "ledger_details": "What an entry is about, apart from the log, so that it can be erased.",
    "checkpoints": "The log's signed sizes, as they were handed to others.",
    "trainings": "What each version of the models was learned from, in numbers.",
    "models": "The models of a version: what they are, by which options, and how they did.",
    "model_rows": "What models serve, by item. Where a row belongs is in clear, to find it.",
    "model_counts": "What models are counted from. Where a row belongs is in clear, to find it.",
    "manifests": "What each version learned from each person, so that it can be subtracted.",
    "charges": "What was spent of the privacy budget: it must survive everything else.",
    "releases": "Differentially private lists, which are shown to everybody.",
    "erasures": "Erasures under way, for a crash to be gone on from, and their certificates.",
    "imports": "How far an import has come, until it has ended.",
    "import_refusals": "Which rows of an import were refused, and what was expected there.",
    "key_acts": "Acts on keys that are under way, and what was said of them.",
    "key_shop": "Which shop the keys are of.",
    "root_versions": "Which root keys there have been, by name, and which are destroyed.",
    "tenant_keys": "Each merchant's keys, wrapped by a root key.",
    "tenant_secrets": "Secrets that rotations keep, wrapped by a tenant's key.",
    "subject_keys": "A key for each person, wrapped by a tenant's key.",
}
"""What each table is for. Why a column is in clear that is about nobody: the table's sentence."""


def tables_to_erase() -> tuple[str, ...]:
    """Tables of the data file whose rows of a person are deleted, the person's own row last."""
    own = ("subjects", "erasures", "subject_keys")
    found = dict.fromkeys(field.table for field in FIELDS if field.erase == "deleted")
    return (*(table for table in found if table not in own), "subjects")


def tables_to_export() -> tuple[str, ...]:
    """Tables that an access request reads."""
    return tuple(dict.fromkeys(field.table for field in FIELDS if field.exported))
