"""The tables of the data file. Every row has a tenant, and every query filters by it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from knowingly.store.columns import Blob

metadata = MetaData()


def _tenant() -> Column[int]:
    return Column("tenant", Integer, primary_key=True, autoincrement=False)


shop = Table("shop", metadata, Column("shop_id", Text, primary_key=True))
"""One row: which key store this file belongs to."""

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("policy_digest", Text, nullable=False, default=""),
    Column("next_subject", BigInteger, nullable=False, default=1),
    Column("next_item", BigInteger, nullable=False, default=0),
    Column("next_training", BigInteger, nullable=False, default=1),
    Column("ledger_size", BigInteger, nullable=False, default=0),
    Column("ledger_frontier", Blob, nullable=False, default=b""),
    Column("item_epoch", BigInteger, nullable=False, default=0),
    Column("model_epoch", BigInteger, nullable=False, default=0),
    Column("release_epoch", BigInteger, nullable=False, default=0),
    Column("shred_epoch", BigInteger, nullable=False, default=0),
    Column("training", BigInteger, nullable=True),
)
"""The head row of each tenant: locked by every writer, read by every reader."""

policies = Table(
    "policies",
    metadata,
    _tenant(),
    Column("digest", Text, primary_key=True),
    Column("body", Text, nullable=False),
)
"""Every policy that was ever in force, as it was written; the digest is that of the body."""

policy_activations = Table(
    "policy_activations",
    metadata,
    _tenant(),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Which policy came into force when: one row for each such entry of the log."""

items = Table(
    "items",
    metadata,
    _tenant(),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("item_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("categories", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("price", Float, nullable=True),
    Column("in_stock", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("published_us", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("unpublished_us", BigInteger, nullable=True),
    Column("markets", Text, nullable=False, server_default=""),
    Column("shown", Text, nullable=False, server_default=""),
    Column("details", Text, nullable=False, server_default=""),
    Index("items_by_id", "tenant", "item_id", unique=True),
    Index("items_by_epoch", "tenant", "epoch"),
)
"""``shown`` is what a hit shows of an item, ``details`` all the rest; both are JSON."""

variants = Table(
    "variants",
    metadata,
    _tenant(),
    Column("variant_id", Text, primary_key=True),
    Column("row", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Index("variants_by_epoch", "tenant", "epoch"),
)
"""Which item a variant stands for; one that is no longer listed still stands for its last."""

subjects = Table(
    "subjects",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("lookup", Blob(32), nullable=False),
    Column("key_id", Blob(16), nullable=False),
    Column("state", Text, nullable=False),
    Column("name_salt", Blob(16), nullable=False),
    Index("subjects_by_lookup", "tenant", "lookup", unique=True),
)
"""``name_salt`` is in the names of a person's events, and stays when their key is a new one."""

consent_records = Table(
    "consent_records",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("notice", Text, nullable=True),
    Column("source", Text, nullable=True),
    Column("flaw", Text, nullable=True),
    Column("confirmed", Boolean, nullable=False, server_default=text("false")),
    Column("surface", Text, nullable=True),
    Column("jurisdiction", Text, nullable=True),
    Column("applied_us", BigInteger, nullable=False, server_default=text("0")),
    Index("consent_records_by_entry", "tenant", "idx"),
    sqlite_with_rowid=False,
)
"""``applied_us`` is when what follows from a choice had been done: the latency of a withdrawal."""

events = Table(
    "events",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Blob(16), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("purposes", BigInteger, nullable=False),
    Column("body", Blob, nullable=False),
    sqlite_with_rowid=False,
)
# Rows that no purpose allows any more, found without a scan; intake never touches this index.
Index(
    "events_unusable",
    events.c.tenant,
    events.c.subject,
    sqlite_where=text("purposes = 0"),
    postgresql_where=text("purposes = 0"),
)

traits = Table(
    "traits",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("trait", Blob(16), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("purposes", BigInteger, nullable=False),
    Column("body", Blob, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "traits_unusable",
    traits.c.tenant,
    traits.c.subject,
    sqlite_where=text("purposes = 0"),
    postgresql_where=text("purposes = 0"),
)

identities = Table(
    "identities",
    metadata,
    _tenant(),
    Column("identity", Blob(32), primary_key=True),
    Column("subject", BigInteger, nullable=False),
    Column("body", Blob, nullable=False),
    Index("identities_by_subject", "tenant", "subject"),
    sqlite_with_rowid=False,
)

holds = Table(
    "holds",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Blob, nullable=False),
)
"""People whose data must not be deleted, each with a sealed reason."""

claims = Table(
    "claims",
    metadata,
    _tenant(),
    Column("erasure", Text, primary_key=True),
    Column("lookup", Blob(32), nullable=False),
    Column("key_id", Blob(16), nullable=False),
    Column("keep_until_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("body", Blob, nullable=False),
    Column("hold", Blob, nullable=True),
    Index("claims_by_lookup", "tenant", "lookup"),
)
"""Evidence of an erased person's choices, each under a key of its own, and a sealed hold on it."""

notifications = Table(
    "notifications",
    metadata,
    _tenant(),
    Column("notification", Text, primary_key=True),
    Column("erasure", Text, nullable=True),
    Column("recipient", Text, nullable=False),
    Column("key_id", Blob(16), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("body", Blob, nullable=False),
    Index("notifications_by_erasure", "tenant", "erasure"),
)
"""What recipients of a person's data have still to be told, each under a key of its own."""

purpose_bits = Table(
    "purpose_bits",
    metadata,
    _tenant(),
    Column("purpose", Text, primary_key=True),
    Column("bit", SmallInteger, nullable=False),
)
"""Which bit of ``events.purposes`` stands for which purpose; a bit is never reused."""

tombstones = Table(
    "tombstones",
    metadata,
    _tenant(),
    Column("lookup", Blob(32), primary_key=True),
    Column("erased_us", BigInteger, nullable=False),
    Column("keep_until_us", BigInteger, nullable=False),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    _tenant(),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", Blob, nullable=False),
)

ledger_nodes = Table(
    "ledger_nodes",
    metadata,
    _tenant(),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("pos", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Blob(32), nullable=False),
    sqlite_with_rowid=False,
)

ledger_details = Table(
    "ledger_details",
    metadata,
    _tenant(),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", BigInteger, nullable=True),
    Column("body", Blob, nullable=False),
    Index("ledger_details_by_subject", "tenant", "subject"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _tenant(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("handed_on", Boolean, nullable=False),
)
"""What was signed of the log; ``handed_on`` says that every destination has it."""

trainings = Table(
    "trainings",
    metadata,
    _tenant(),
    Column("training", BigInteger, primary_key=True, autoincrement=False),
    Column("created_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("oldest_day", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("floor", Integer, nullable=False),
    Column("people", BigInteger, nullable=False),
    Column("ledger_size", BigInteger, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("item_rows", Blob, nullable=False),
    Column("events", BigInteger, nullable=True),
)
"""The versions that are kept; ``events`` is None of those that an older release trained."""

models = Table(
    "models",
    metadata,
    _tenant(),
    Column("training", BigInteger, primary_key=True, autoincrement=False),
    Column("algorithm", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("forgets", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("arrays", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("in_service", Boolean, nullable=False),
    Column("metrics", Text, nullable=True),
)


def _model_table(name: str, *extra: Column[int]) -> Table:
    return Table(
        name,
        metadata,
        _tenant(),
        Column("training", BigInteger, primary_key=True, autoincrement=False),
        Column("algorithm", Text, primary_key=True),
        Column("row", Integer, primary_key=True, autoincrement=False),
        *extra,
        Column("body", Blob, nullable=False),
    )


model_rows = _model_table("model_rows", Column("epoch", BigInteger, nullable=False))
Index(
    "model_rows_by_epoch",
    model_rows.c.tenant,
    model_rows.c.training,
    model_rows.c.algorithm,
    model_rows.c.epoch,
)
model_counts = _model_table("model_counts")

manifests = Table(
    "manifests",
    metadata,
    _tenant(),
    Column("subject", BigInteger, primary_key=True, autoincrement=False),
    Column("training", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Blob, nullable=False),
)

charges = Table(
    "charges",
    metadata,
    _tenant(),
    Column("charge", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("pico_rho", BigInteger, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("charges_by_period", "tenant", "period"),
)

releases = Table(
    "releases",
    metadata,
    _tenant(),
    Column("charge", Text, primary_key=True),
    Column("what", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("epsilon", Float, nullable=False),
    Column("delta", Float, nullable=False),
    Column("item_rows", Text, nullable=False),
    Index("releases_by_time", "tenant", "what", "at_us"),
)

erasures = Table(
    "erasures",
    metadata,
    _tenant(),
    Column("erasure", Text, primary_key=True),
    Column("subject", BigInteger, nullable=True),
    Column("key_id", Blob(16), nullable=True),
    Column("step", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("certificate", Text, nullable=True),
    Index("erasures_by_step", "tenant", "step"),
)

imports = Table(
    "imports",
    metadata,
    _tenant(),
    Column("source", Blob(32), primary_key=True),
    Column("fingerprint", Blob(32), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
)
"""Where each import stands that has begun and not ended; ``source`` is a keyed hash of a path."""

import_refusals = Table(
    "import_refusals",
    metadata,
    _tenant(),
    Column("source", Blob(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("line", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("expected", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The rows those imports refused so far: where and what, never what stood there."""

key_acts = Table(
    "key_acts",
    metadata,
    _tenant(),
    Column("act", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
"""Signed statements of what was done to the tenant's and the root key, each once."""
