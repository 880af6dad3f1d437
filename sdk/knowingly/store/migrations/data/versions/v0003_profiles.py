"""Traits, identities and legal holds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of profiles."""
    op.create_table(
        "traits",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("trait", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("purposes", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "trait"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "traits_unusable",
        "traits",
        ["tenant", "subject"],
        unique=False,
        sqlite_where=sa.text("purposes = 0"),
        postgresql_where=sa.text("purposes = 0"),
    )
    op.create_table(
        "identities",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "identity"),
        sqlite_with_rowid=False,
    )
    op.create_index("identities_by_subject", "identities", ["tenant", "subject"], unique=False)
    op.create_table(
        "holds",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject"),
    )
