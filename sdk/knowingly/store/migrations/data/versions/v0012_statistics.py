"""What SQLite is told of its tables, so that it finds the rows of one person by the best index.

Every index begins with the tenant. SQLite, which knows nothing of a table that was never analyzed,
believes that a tenant has ten rows in it, and rather goes through all of them than through an index
and then the rows. These figures are of a large shop, and as good for a small one; whoever runs
``ANALYZE`` replaces them by their own. PostgreSQL keeps its own.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ROWS = 1_000_000
_WAITING = 100
"""Rows of a partial index: those that wait for deletion."""
_ALIKE = 10
"""Rows that are alike in the first columns of an index, beyond the tenant."""


def upgrade() -> None:
    """Write them where they are kept, and read them there."""
    if op.get_bind().dialect.name != "sqlite":
        return
    # The table that they are kept in is made by analyzing one, whichever.
    op.execute(sa.text("ANALYZE tenants"))
    op.execute(sa.text("DELETE FROM sqlite_stat1"))
    add = sa.text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)")
    for table, index, figures in list(_indexes()):
        op.execute(add.bindparams(tbl=table, idx=index, stat=figures))
    op.execute(sa.text("ANALYZE sqlite_master"))


def _indexes() -> Iterator[tuple[str, str, str]]:
    """Table, index, and how many rows that has, then how many are alike in its first columns."""
    found = op.get_bind().execute(
        sa.text(
            "SELECT t.name, i.name, i.\"unique\", i.partial, "
            "i.origin = 'pk' AND t.sql LIKE '%WITHOUT ROWID%', "
            "(SELECT count(*) FROM pragma_index_info(i.name)) "
            "FROM sqlite_master t JOIN pragma_index_list(t.name) i "
            "WHERE t.type = 'table' AND EXISTS "
            "(SELECT 1 FROM pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = 'tenant')"
        )
    )
    for table, index, is_unique, is_partial, is_the_table, columns in found:
        rows = _WAITING if is_partial else _ROWS
        alike = [rows, *[_ALIKE] * (columns - 1)]
        if is_unique:
            alike[-1] = 1
        # A table without row ids is its own primary key.
        yield table, table if is_the_table else index, " ".join(map(str, [rows, *alike]))
