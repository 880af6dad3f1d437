"""Items with variants, markets, prices and all else that shops say of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the items, and make room for variants."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    # SQLite would append the columns behind the primary key: made anew, the table reads like one
    # that was made at once.
    with op.batch_alter_table("items", recreate="always" if on_sqlite else "never") as items:
        items.add_column(sa.Column("unpublished_us", sa.BigInteger(), nullable=True))
        for name in ("markets", "shown", "details"):
            items.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_table(
        "variants",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "variant_id"),
    )
    op.create_index("variants_by_epoch", "variants", ["tenant", "epoch"], unique=False)
