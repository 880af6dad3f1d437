"""How a choice was made, whether it can count, and when it had taken effect."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the choices; what was there took effect in the transaction that recorded it."""
    with op.batch_alter_table("consent_records", recreate="never") as choices:
        for name in ("source", "flaw"):
            choices.add_column(sa.Column(name, sa.Text(), nullable=True))
        choices.add_column(
            sa.Column("confirmed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
        for name in ("surface", "jurisdiction"):
            choices.add_column(sa.Column(name, sa.Text(), nullable=True))
        choices.add_column(
            sa.Column("applied_us", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    op.execute(sa.text("UPDATE consent_records SET applied_us = received_us"))
