"""A PostgreSQL database as it is before any release has seen it."""

import sqlalchemy as sa

from appliance.storage.database import Database


def empty(database: Database) -> None:
    """Leave it without a table."""
    with database.write() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
