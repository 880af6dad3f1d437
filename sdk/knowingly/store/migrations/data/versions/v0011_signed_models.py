"""Signatures of models, and the deadlines of those that are refitted."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Delete every training, and make room for signatures.

    What is there has none. Taking it as it is would let anybody who can write to the database
    pass a model of theirs off as one from before.
    """
    for table in ("model_rows", "model_counts", "manifests", "models", "trainings"):
        op.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    op.execute(sa.text("UPDATE tenants SET training = NULL, model_epoch = model_epoch + 1"))
    with op.batch_alter_table("trainings", recreate="never") as trainings:
        trainings.add_column(sa.Column("tag", sa.LargeBinary(length=31), nullable=False))
    with op.batch_alter_table("models", recreate="never") as models:
        models.add_column(sa.Column("refit_by_us", sa.BigInteger(), nullable=True))
        models.add_column(sa.Column("tag", sa.LargeBinary(length=31), nullable=False))
