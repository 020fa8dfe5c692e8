"""Statements over sets of rows: on PostgreSQL one round trip and one prepared text, however many rows there are.

A list of placeholders makes another statement for every length, which is parsed and planned anew; a row per execution
is a message each way. Here a set is one parameter: an array of strings, or an array of rows as JSON.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_STRINGS = postgresql.ARRAY(sa.Text())
Rows = Sequence[Mapping[str, Any]]
"""Rows by column name, all with the same columns; documents may be structs."""


def among(connection: sa.Connection, column: sa.ColumnElement[str], values: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a column's value is one of these strings, however many they are."""
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam(None, list(values), type_=_STRINGS))
    return column.in_(values)


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Rows, *, replace: Sequence[str] = ()) -> None:
    """Insert rows; with `replace`, a row whose key is there already gives these columns their new values instead.

    No two rows may have the same key.
    """
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        connection.execute(_insert_given(table, names, tuple(replace)), {"rows": rows})
        return
    connection.execute(_replacing(sqlite.insert(table), table, replace), rows)


def update_rows(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Write other columns of the rows whose `id`, or whatever the table's key is called, is given with them."""
    if not rows:
        return
    (key,) = table.primary_key.columns
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        connection.execute(_update_given(table, names), {"rows": rows})
        return
    statement = sa.update(table).where(key == sa.bindparam("row_key"))
    connection.execute(
        statement, [{"row_key" if name == key.name else name: row[name] for name in names} for row in rows]
    )


def _given(table: sa.Table, names: Sequence[str]) -> sa.TableValuedAlias:
    rows = sa.bindparam("rows", type_=sa.JSON())
    columns = [sa.column(name, table.c[name].type) for name in names]
    return sa.func.json_to_recordset(rows).table_valued(*columns, name="given").render_derived(with_types=True)


@lru_cache(maxsize=64)
def _insert_given(table: sa.Table, names: tuple[str, ...], replace: tuple[str, ...]) -> sa.Insert:
    given = _given(table, names)
    insert = postgresql.insert(table).from_select(names, sa.select(*(given.c[name] for name in names)))
    return _replacing(insert, table, replace)


@lru_cache(maxsize=64)
def _update_given(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    given = _given(table, names)
    (key,) = table.primary_key.columns
    values = {name: given.c[name] for name in names if name != key.name}
    return sa.update(table).where(key == given.c[key.name]).values(values)


def _replacing(insert: Any, table: sa.Table, replace: Sequence[str]) -> Any:
    if not replace:
        return insert
    keys = [column.name for column in table.primary_key.columns]
    return insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in replace})
