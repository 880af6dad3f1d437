"""A salt for event names that outlives a new key, and what the log says of keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep today's event names, and make room for what was done to keys."""
    op.add_column("subjects", sa.Column("name_salt", sa.LargeBinary(length=16), nullable=True))
    op.execute("UPDATE subjects SET name_salt = key_id")
    with op.batch_alter_table("subjects") as table:
        table.alter_column("name_salt", existing_type=sa.LargeBinary(length=16), nullable=False)
    op.create_table(
        "key_acts",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "act", "name"),
    )
