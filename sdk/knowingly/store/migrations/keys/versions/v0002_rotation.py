"""Versions of the root and tenant keys.

Which root key wrapped a tenant's key is not known here: an empty ``root`` says so, and the first
opening with that root key fills it in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say which version wraps what, and since when."""
    op.create_table(
        "root_versions",
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("first_used_us", sa.BigInteger(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("destroyed_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("root"),
    )
    op.add_column("tenant_keys", sa.Column("root", sa.Text(), nullable=True))
    op.add_column("tenant_keys", sa.Column("created_us", sa.BigInteger(), nullable=True))
    # No key of a person is older than the tenant's: the oldest says since when it has been used.
    op.execute(
        "UPDATE tenant_keys SET root = '', created_us = COALESCE((SELECT min(created_us) "
        "FROM subject_keys WHERE subject_keys.tenant = tenant_keys.tenant), 0)"
    )
    with op.batch_alter_table("tenant_keys") as table:
        table.alter_column("wrapped", existing_type=sa.LargeBinary(), nullable=True)
        table.alter_column("root", existing_type=sa.Text(), nullable=False)
        table.alter_column("created_us", existing_type=sa.BigInteger(), nullable=False)
    op.add_column("subject_keys", sa.Column("tenant_version", sa.Integer(), nullable=True))
    op.add_column("subject_keys", sa.Column("first_version", sa.Integer(), nullable=True))
    op.execute("UPDATE subject_keys SET tenant_version = 1, first_version = 1")
    with op.batch_alter_table("subject_keys", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("tenant_version", existing_type=sa.Integer(), nullable=False)
        table.alter_column("first_version", existing_type=sa.Integer(), nullable=False)
