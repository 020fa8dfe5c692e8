"""Acceptances of model licences: who has agreed to one that forbids commercial use, for which weights, and when."""

import hashlib

import msgspec
import sqlalchemy as sa

from appliance.catalog.model import Model
from appliance.errors import CommandFailed, LicenceNotAccepted
from appliance.owner import Owner
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.site import set_site_value, site_value

_KEY = "licence_acceptance:"


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to, by whom, and when; `terms` names licence and weights, so that others need another one."""

    licence: str
    terms: str
    by: str
    at_s: float


def accept(database: Database, model: Model, by: str) -> Acceptance:
    """Record that somebody accepts the model's licence for this site, in the site's values and the audit."""
    if model.commercial:
        raise CommandFailed(
            f"{model.id} is under {model.licence}; nothing has to be accepted, it can be used as it is."
        )
    with database.write() as connection:
        now_s = database.now_s(connection)
        accepted = Acceptance(licence=model.licence, terms=terms_of(model), by=by, at_s=now_s)
        set_site_value(connection, _KEY + model.id, msgspec.to_builtins(accepted), now_s)
        record(connection, Owner("", ""), "licence_accepted", model.id, now_s, licence=model.licence, by=by)
    return accepted


def acceptance(connection: sa.Connection, model: Model) -> Acceptance | None:
    """Return the acceptance that counts for the model as the catalog has it, None where there is none."""
    kept = site_value(connection, _KEY + model.id)
    if kept is None:
        return None
    accepted = msgspec.convert(kept, Acceptance)
    return accepted if accepted.terms == terms_of(model) else None


def require_acceptance(database: Database, model: Model) -> None:
    """Raise LicenceNotAccepted for a model that may not be used commercially, until somebody has accepted that."""
    if model.commercial:
        return
    with database.read() as connection:
        accepted = acceptance(connection, model)
    if accepted is None:
        raise LicenceNotAccepted(
            f"{model.id} is under {model.licence}, which forbids {model.forbids}. Whoever may decide that for this "
            f"site accepts it with: ./meeshy models accept-licence {model.id} --by NAME"
        )


def terms_of(model: Model) -> str:
    """Return a hash of the licence and of every file that it covers."""
    lines = [model.licence, model.forbids, *sorted(f"{file.sha256} {file.path}" for file in model.files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
