"""Changing an application's secret while it is at work: for a day the old one counts beside the new."""

import msgspec
import sqlalchemy as sa

from appliance.access.keys import OPERATOR
from appliance.application_secret import new_secret
from appliance.errors import NotFound
from appliance.owner import Owner
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.tables import applications

OVERLAP_S = 24 * 3600.0


class RotatedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """An application's new secret, the only time that it is readable."""

    application: str
    application_id: str
    token_secret: str
    previous_until_s: float | None
    """Until when the secret before it counts too; None where it does not."""


def rotate_secret(database: Database, application: str, *, overlap: bool = True) -> RotatedSecret:
    """Give an application a new secret; NotFound for a name that is none.

    For `OVERLAP_S` user tokens made with the old one are still taken and webhooks carry two signatures, by the new and
    the old key. Without overlap, for a secret that somebody else has seen, the old one is worth nothing at once.
    """
    with database.write() as connection:
        row = connection.execute(sa.select(applications).where(applications.c.name == application)).first()
        if row is None:
            raise NotFound(f"There is no application '{application}'; see: meeshy keys list.")
        now_s = database.now_s(connection)
        secret, until_s = new_secret(), now_s + OVERLAP_S if overlap else None
        connection.execute(
            sa.update(applications)
            .where(applications.c.id == row.id)
            .values(
                token_secret=secret, previous_secret=row.token_secret if overlap else None, previous_until_s=until_s
            )
        )
        record(connection, Owner(row.id, OPERATOR), "secret_rotated", row.id, now_s, overlap=overlap)
    return RotatedSecret(
        application=application, application_id=row.id, token_secret=secret, previous_until_s=until_s
    )  # fmt: skip
