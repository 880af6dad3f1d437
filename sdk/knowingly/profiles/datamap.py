"""The data map: every column that is stored, what it is, and what becomes of it.

One table drives export, erasure and the documentation. A column that is not in it fails the build.
"""

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
        *("ledger_size", "policy_digest", "item_rows", "events"),
        note="of all people together; the oldest day is that of one event, and of nobody named",
    ),
    *_shops(
        "models",
        *("tenant", "training", "algorithm", "kind", "forgets", "options", "arrays", "width"),
        *("in_service", "metrics"),
    ),
    *_shops(
        "model_rows",
        *("tenant", "training", "algorithm", "row", "epoch", "body"),
        note="item-side parameters; erased people are subtracted from them",
    ),
    *_shops(
        "model_counts",
        *("tenant", "training", "algorithm", "row", "body"),
        note="counts of people per item or pair; erased people are subtracted from them",
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


def tables_to_erase() -> tuple[str, ...]:
    """Tables of the data file whose rows of a person are deleted, the person's own row last."""
    own = ("subjects", "erasures", "subject_keys")
    found = dict.fromkeys(field.table for field in FIELDS if field.erase == "deleted")
    return (*(table for table in found if table not in own), "subjects")


def tables_to_export() -> tuple[str, ...]:
    """Tables that an access request reads."""
    return tuple(dict.fromkeys(field.table for field in FIELDS if field.exported))
