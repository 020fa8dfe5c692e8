"""Statements over sets of rows do the same on both databases, and take one round trip on PostgreSQL."""

from contextlib import contextmanager

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from appliance.storage.migrate import READABLE_BY
from appliance.storage.sets import among, insert_rows, update_rows
from appliance.storage.tables import site


class Document(msgspec.Struct):
    """Something that a column of JSON holds."""

    text: str
    parts: tuple[float, ...] = ()


def row(key, value, changed_s=1.5):
    return {"key": key, "value": value, "changed_s": changed_s}


def all_rows(connection):
    written = sa.select(site).where(site.c.key != READABLE_BY)
    return {found.key: (found.value, found.changed_s) for found in connection.execute(written)}


def test_rows_are_inserted_with_their_documents(database):
    with database.write() as connection:
        insert_rows(connection, site, [row("a", Document("é \n\"'", (0.1, 1e300))), row("b", [1, None], 2)])
        insert_rows(connection, site, [])
        assert all_rows(connection) == {
            "a": ({"text": "é \n\"'", "parts": [0.1, 1e300]}, 1.5),
            "b": ([1, None], 2.0),
        }


def test_a_row_that_is_there_is_refused_or_replaced_as_asked(database):
    with database.write() as connection:
        insert_rows(connection, site, [row("a", 1), row("b", 2)])
        insert_rows(connection, site, [row("a", 3, 9.0), row("c", 4, 9.0)], replace=["value"])
        assert all_rows(connection) == {"a": (3, 1.5), "b": (2, 1.5), "c": (4, 9.0)}
    with pytest.raises(DBAPIError), database.write() as connection:
        insert_rows(connection, site, [row("d", 5), row("a", 5)])
    with database.read() as connection:
        assert all_rows(connection).keys() == {"a", "b", "c"}


def test_each_row_gets_its_own_values(database):
    with database.write() as connection:
        insert_rows(connection, site, [row("a", 1), row("b", 2), row("c", 3)])
        update_rows(
            connection, site, [{"key": "a", "value": {"x": 1}}, {"key": "b", "value": 5}, {"key": "none", "value": 0}]
        )
        update_rows(connection, site, [])
        assert all_rows(connection) == {"a": ({"x": 1}, 1.5), "b": (5, 1.5), "c": (3, 1.5)}


@pytest.mark.parametrize("wanted", [[], ["a"], {"a", "c", "none"}])
def test_a_condition_over_a_set_of_strings(database, wanted):
    with database.write() as connection:
        insert_rows(connection, site, [row(key, 0) for key in "abc"])
        found = connection.scalars(sa.select(site.c.key).where(among(connection, site.c.key, wanted)))
        assert set(found) == set(wanted) - {"none"}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_hundred_rows_take_the_same_statements_as_one(database):
    with statements(database) as of_one:
        write(database, 1)
    with statements(database) as of_many:
        write(database, 100)
    assert of_one == of_many


def write(database, count):
    keys = [f"{count} {number}" for number in range(count)]
    with database.write() as connection:
        insert_rows(connection, site, [row(key, {}) for key in keys])
        update_rows(connection, site, [row(key, [key]) for key in keys])
        connection.execute(sa.delete(site).where(among(connection, site.c.key, keys)))


@contextmanager
def statements(database):
    """Yield the list of what the server is asked."""
    seen = []

    def see(connection, cursor, statement, parameters, context, many):
        seen.append((statement, many))

    sa.event.listen(database.engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", see)
