"""Evidence kept for claims, and recipients."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of what outlives an erasure: evidence, and notifications until they are given."""
    op.create_table(
        "claims",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("erasure", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("keep_until_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hold", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "erasure"),
    )
    op.create_index("claims_by_lookup", "claims", ["tenant", "lookup"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notification", sa.Text(), nullable=False),
        sa.Column("erasure", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "notification"),
    )
    op.create_index("notifications_by_erasure", "notifications", ["tenant", "erasure"], unique=False)
