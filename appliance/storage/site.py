"""What the site knows about itself and keeps in the database: named values that every process sees at once."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.storage.tables import site

_VALUE = sa.select(site.c.value).where(site.c.key == sa.bindparam("named"))


def site_value(connection: sa.Connection, key: str) -> Any:
    """Return the value of a key, None where it was never set."""
    return connection.scalar(_VALUE, {"named": key})


def set_site_value(connection: sa.Connection, key: str, value: Any, now_s: float) -> None:
    """Set a key to a value that JSON can hold; it counts from the commit on."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(site)
    insert = insert.values(key=key, value=value, changed_s=now_s)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["key"], set_={"value": insert.excluded.value, "changed_s": insert.excluded.changed_s}
        )
    )
