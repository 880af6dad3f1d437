"""Runs the migrations on the connection, and in the transaction, that the caller began."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=False,
)
context.run_migrations()
