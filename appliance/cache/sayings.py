"""Who says which phrase how often: counts per owner under hashed keys, without any text.

This is the privacy line of the phrase library. What somebody says is theirs; it may become the site's only when at
least so many different users of one and the same application have said it. Users of several applications are never
added up: an application names its users itself, so with all but one of the users needed it could find out whether
anybody of another application has ever said a text. docs/phrases.md says it for people.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from appliance.cache.decay import NOTHING, Count, counted
from appliance.cache.keys import saying_key
from appliance.owner import Owner
from appliance.storage.sets import among, insert_rows
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import phrase_sayings

_SECRET = "phrases.secret"  # noqa: S105 - the name of the row
FADED_LOG2 = -5.0
"""A count below a thirty-second of one saying is let go: five half-lives after a single one."""

_T = phrase_sayings.c


class Saying(NamedTuple):
    """One sentence that an owner had translated, in the voice in force: `stock` or `speaker`."""

    owner: Owner
    voice: str
    text: str
    source: str
    target: str
    at_s: float
    phrase: str
    """The phrase's key without a translator."""


def site_secret(connection: sa.Connection, now_s: float) -> str:
    """Return the random text that goes into every saying's key, made by whoever needs it first."""
    secret = site_value(connection, _SECRET)
    if secret is None:
        secret = secrets.token_hex(32)
        set_site_value(connection, _SECRET, secret, now_s)
    return secret


def count_sayings(
    connection: sa.Connection, secret: str, sayings: Sequence[Saying], half_life_s: float
) -> dict[Saying, str]:
    """Count these for their owners, and return the key of each; one transaction at a time may do this."""
    keys = {saying: saying_key(secret, saying.phrase) for saying in sayings}
    rows = connection.execute(sa.select(phrase_sayings).where(among(connection, _T.key, set(keys.values()))))
    counts = {(row.key, row.application_id, row.user_id, row.voice): Count(row.value, row.at_s) for row in rows}
    changed: dict[tuple[str, str, str, str], Saying] = {}
    for saying in sayings:
        owner = saying.owner
        row_key = (keys[saying], owner.application_id, owner.user_id, saying.voice)
        counts[row_key] = counted(counts.get(row_key, NOTHING), saying.at_s, half_life_s)
        changed[row_key] = saying
    new = [
        {
            "key": key, "application_id": application_id, "user_id": user_id, "voice": voice,
            "source": saying.source, "target": saying.target, "value": count.value, "at_s": count.at_s,
            "rank": count.rank(half_life_s),
        }
        for (key, application_id, user_id, voice), saying in sorted(changed.items())
        for count in [counts[key, application_id, user_id, voice]]
    ]  # fmt: skip
    insert_rows(connection, phrase_sayings, new, replace=("value", "at_s", "rank"))
    return keys


def shared(connection: sa.Connection, keys: Collection[str], owners: int) -> set[str]:
    """Return which of these sayings at least so many different users of one application have in common."""
    rows = connection.execute(
        sa.select(_T.key)
        .where(among(connection, _T.key, keys))
        .group_by(_T.key, _T.application_id)
        .having(sa.func.count(_T.user_id.distinct()) >= owners)
    )
    return set(rows.scalars())


def worth(connection: sa.Connection, keys: Collection[str], now_s: float, half_life_s: float) -> Mapping[str, Count]:
    """Return what these sayings are worth now, all owners together."""
    rows = connection.execute(sa.select(_T.key, _T.value, _T.at_s).where(among(connection, _T.key, keys)))
    totals: dict[str, float] = {}
    for row in rows:
        totals[row.key] = totals.get(row.key, 0.0) + Count(row.value, row.at_s).at(now_s, half_life_s)
    return {key: Count(value, now_s) for key, value in totals.items()}


def forget_faded(connection: sa.Connection, now_s: float, half_life_s: float, most: int) -> int:
    """Let go what has faded, and of the rest the least above `most`; return how many that were."""
    faded = connection.execute(
        sa.delete(phrase_sayings).where(_T.rank < FADED_LOG2 + now_s / half_life_s)
    ).rowcount  # fmt: skip
    held = connection.scalar(sa.select(sa.func.count()).select_from(phrase_sayings)) or 0
    if held <= most:
        return faded
    # Rows of one rank go together: a few more than needed at worst.
    bound = connection.scalar(sa.select(_T.rank).order_by(_T.rank).offset(held - most - 1).limit(1))
    return faded + connection.execute(sa.delete(phrase_sayings).where(_T.rank <= bound)).rowcount


def take_sayings_of_owner(connection: sa.Connection, owner: Owner) -> set[str]:
    """Remove everything that is counted for an owner, and return the keys of what that was."""
    mine = sa.delete(phrase_sayings).where(_T.application_id == owner.application_id, _T.user_id == owner.user_id)
    return set(connection.scalars(mine.returning(_T.key)))
