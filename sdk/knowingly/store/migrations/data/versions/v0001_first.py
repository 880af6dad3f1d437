"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "charges",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("pico_rho", sa.BigInteger(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "charge"),
    )
    op.create_index("charges_by_period", "charges", ["tenant", "period"], unique=False)
    op.create_table(
        "consent_records",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "subject", "idx", "purpose"),
        sqlite_with_rowid=False,
    )
    op.create_index("consent_records_by_entry", "consent_records", ["tenant", "idx"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("erasure", sa.Text(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "erasure"),
    )
    op.create_index("erasures_by_step", "erasures", ["tenant", "step"], unique=False)
    op.create_table(
        "events",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("purposes", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "event"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "events_unusable",
        "events",
        ["tenant", "subject"],
        unique=False,
        sqlite_where=sa.text("purposes = 0"),
        postgresql_where=sa.text("purposes = 0"),
    )
    op.create_table(
        "items",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("price", sa.Float(), nullable=True),
        sa.Column("in_stock", sa.Boolean(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("published_us", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "row"),
    )
    op.create_index("items_by_epoch", "items", ["tenant", "epoch"], unique=False)
    op.create_index("items_by_id", "items", ["tenant", "item_id"], unique=True)
    op.create_table(
        "ledger_details",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "idx"),
    )
    op.create_index(
        "ledger_details_by_subject", "ledger_details", ["tenant", "subject"], unique=False
    )
    op.create_table(
        "ledger_entries",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "idx"),
    )
    op.create_table(
        "ledger_nodes",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("pos", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "level", "pos"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "manifests",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("training", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "training"),
    )
    op.create_table(
        "model_counts",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("training", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "training", "algorithm", "row"),
    )
    op.create_table(
        "model_rows",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("training", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "training", "algorithm", "row"),
    )
    op.create_index(
        "model_rows_by_epoch",
        "model_rows",
        ["tenant", "training", "algorithm", "epoch"],
        unique=False,
    )
    op.create_table(
        "models",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("training", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("forgets", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("arrays", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("in_service", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "training", "algorithm"),
    )
    op.create_table(
        "purpose_bits",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("bit", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "purpose"),
    )
    op.create_table(
        "releases",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("epsilon", sa.Float(), nullable=False),
        sa.Column("delta", sa.Float(), nullable=False),
        sa.Column("item_rows", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "charge"),
    )
    op.create_index("releases_by_time", "releases", ["tenant", "what", "at_us"], unique=False)
    op.create_table(
        "shop", sa.Column("shop_id", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("shop_id")
    )
    op.create_table(
        "subjects",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject"),
    )
    op.create_index("subjects_by_lookup", "subjects", ["tenant", "lookup"], unique=True)
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("next_subject", sa.BigInteger(), nullable=False),
        sa.Column("next_item", sa.BigInteger(), nullable=False),
        sa.Column("next_training", sa.BigInteger(), nullable=False),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False),
        sa.Column("ledger_frontier", sa.LargeBinary(), nullable=False),
        sa.Column("item_epoch", sa.BigInteger(), nullable=False),
        sa.Column("model_epoch", sa.BigInteger(), nullable=False),
        sa.Column("release_epoch", sa.BigInteger(), nullable=False),
        sa.Column("shred_epoch", sa.BigInteger(), nullable=False),
        sa.Column("training", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "tombstones",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("erased_us", sa.BigInteger(), nullable=False),
        sa.Column("keep_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "lookup"),
    )
    op.create_table(
        "trainings",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("training", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("oldest_day", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.Integer(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("ledger_size", sa.BigInteger(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("item_rows", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "training"),
    )
