"""Reading and changing plans, and which application has which; every change is an audit row."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.access.keys import OPERATOR
from appliance.access.plan import Plan, plan_from
from appliance.errors import InvalidRequest, NotFound
from appliance.languages import parse_language
from appliance.owner import Owner
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.tables import applications, plans

_NOTHING = frozenset({"", "none", "unlimited"})


class ApplicationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An application as lists show it."""

    id: str
    name: str
    plan: str
    created_s: float


def list_plans(connection: sa.Connection) -> Sequence[Plan]:
    """Return all plans, the least important first."""
    rows = connection.execute(sa.select(plans).order_by(plans.c.priority.desc(), plans.c.sla_s.desc(), plans.c.name))
    return [plan_from(row) for row in rows.mappings()]


def plan_named(connection: sa.Connection, name: str) -> Plan:
    """Return a plan, or raise NotFound with the names that there are."""
    row = connection.execute(sa.select(plans).where(plans.c.name == name).with_for_update()).mappings().first()
    if row is None:
        names = ", ".join(connection.scalars(sa.select(plans.c.name).order_by(plans.c.name)))
        raise NotFound(f"There is no plan '{name}'; there are: {names}.")
    return plan_from(row)


def change_plan(database: Database, name: str, changes: Mapping[str, str]) -> Plan:
    """Set fields of a plan from their texts and return it; counts from the next request on.

    `none` or `unlimited` takes a limit away. Raises InvalidRequest for a field or a value that no plan has.
    """
    with database.write() as connection:
        before = plan_named(connection, name)
        after = _changed(before, changes)
        old, new = (msgspec.to_builtins(plan) for plan in (before, after))
        moved = {field: [old[field], new[field]] for field in new if new[field] != old[field]}
        if moved:
            connection.execute(
                sa.update(plans).where(plans.c.name == name).values({field: new[field] for field in moved})
            )
            record(connection, Owner("", OPERATOR), "plan_changed", name, database.now_s(connection), **moved)
    return after


def list_applications(database: Database) -> Sequence[ApplicationEntry]:
    """Return all applications, oldest first."""
    query = sa.select(applications).order_by(applications.c.created_s, applications.c.id)
    with database.read() as connection:
        return [
            ApplicationEntry(id=row.id, name=row.name, plan=row.plan, created_s=row.created_s)
            for row in connection.execute(query)
        ]


def set_plan(database: Database, application: str, plan: str) -> None:
    """Give an application a plan; what it used this month counts against the new one. NotFound for unknown names."""
    with database.write() as connection:
        row = connection.execute(sa.select(applications).where(applications.c.name == application)).first()
        if row is None:
            raise NotFound(f"There is no application '{application}'; see: meeshy applications list.")
        plan_named(connection, plan)
        if row.plan == plan:
            return
        connection.execute(sa.update(applications).where(applications.c.id == row.id).values(plan=plan))
        record(
            connection, Owner(row.id, OPERATOR), "application_plan_set", row.id, database.now_s(connection),
            plan=[row.plan, plan],
        )  # fmt: skip


def _changed(plan: Plan, changes: Mapping[str, str]) -> Plan:
    fields = [field for field in Plan.__struct_fields__ if field != "name"]
    unknown = [field for field in changes if field not in fields]
    if unknown:
        raise InvalidRequest(f"A plan has no field '{unknown[0]}'; it has: {', '.join(fields)}.")
    values = {field: _value(field, text) for field, text in changes.items()}
    try:
        return msgspec.convert(msgspec.to_builtins(plan) | values, Plan, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The plan does not fit: {error}") from error


def _value(field: str, text: str) -> Any:
    if text.strip().lower() in _NOTHING:
        return None
    if field == "languages":
        return sorted({parse_language(tag) for tag in text.split(",")})
    return text.strip().lower() if field in ("cloned_voice", "analytics") else text.strip()
