"""Versions of models: how much each was trained on, and how well it did."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for what a model card says."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    # Made anew on SQLite, which would append the columns behind the primary key.
    with op.batch_alter_table("trainings", recreate="always" if on_sqlite else "never") as table:
        table.add_column(sa.Column("events", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("models", recreate="always" if on_sqlite else "never") as table:
        table.add_column(sa.Column("metrics", sa.Text(), nullable=True))
