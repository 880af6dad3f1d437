"""The tables of the key store, a database of its own with a backup rule of its own."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from knowingly.store.columns import Blob

metadata = MetaData()

key_shop = Table("key_shop", metadata, Column("shop_id", Text, primary_key=True))
"""One row: which data this key store belongs to."""

tenant_keys = Table(
    "tenant_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("wrapped", Blob, nullable=False),
)

tenant_secrets = Table(
    "tenant_secrets",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("wrapped", Blob, nullable=False),
)

subject_keys = Table(
    "subject_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key_id", Blob(16), primary_key=True),
    Column("created_us", BigInteger, nullable=False),
    Column("wrapped", Blob, nullable=False),
    sqlite_with_rowid=False,
)
