"""Signed checkpoints of the log."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for checkpoints."""
    op.create_table(
        "checkpoints",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("handed_on", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "size"),
    )
