"""The site's phrase library: the corpus' pairs, and what grew from use or was translated ahead.

Corpus pairs have keys without an engine and stay. What an engine made stands under that engine's own key, so a new
model finds none of it, and a fallback's translation answers for nobody who would get another's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from appliance.cache.decay import NOTHING, Count, counted
from appliance.cache.keys import phrase_key
from appliance.cache.sayings import shared, take_sayings_of_owner
from appliance.owner import Owner
from appliance.storage.sets import among, insert_rows, update_rows
from appliance.storage.tables import phrases

Pair = tuple[str, str]
LIBRARY = "phrases"
"""The name that is held by whoever lets the library grow or erases what an owner said: neither misses the other."""
CORPUS = "corpus"
USED = "usage"
AHEAD = "ahead"
GROWN = (USED, AHEAD)
"""Origins: said by enough people; translated in idle time because it is wanted in another language."""


class Grown(NamedTuple):
    """A phrase with what one engine made of it."""

    said: str
    source: str
    target: str
    text: str
    translator: str
    quality: str
    origin: str
    saying: str | None
    count: Count | None

    @property
    def key(self) -> str:
        """Return its key in the library."""
        return phrase_key(self.said, self.source, self.target, self.translator)


def look_up(
    connection: sa.Connection, wanted: Sequence[tuple[Iterable[str], Pair, str]]
) -> list[dict[str, sa.Row]]:  # fmt: skip
    """Return, for each (texts, pair, key of the engine that would be asked), the library's row of each known text.

    The corpus comes before what engines made.
    """
    keys = [
        {text: (phrase_key(text, *pair), phrase_key(text, *pair, translator)) for text in texts}
        for texts, pair, translator in wanted
    ]
    found = rows_of(connection, {key for of_texts in keys for both in of_texts.values() for key in both})
    return [
        {text: found[key] for text, both in of_texts.items() for key in reversed(both) if key in found}
        for of_texts in keys
    ]


def rows_of(connection: sa.Connection, keys: Collection[str]) -> dict[str, sa.Row]:
    """Return the library's rows under these keys."""
    rows = connection.execute(sa.select(phrases).where(among(connection, phrases.c.key, keys)))
    return {row.key: row for row in rows}


def count_uses(
    connection: sa.Connection, rows: Iterable[sa.Row], uses: Mapping[str, Sequence[float]], half_life_s: float
) -> None:
    """Count these moments of use, by key, for rows of the library; one transaction at a time may do this."""
    changed = []
    for row in rows:
        count = Count(row.value, row.at_s) if row.value else NOTHING
        for at_s in uses[row.key]:
            count = counted(count, at_s, half_life_s)
        changed.append(
            {"key": row.key, "value": count.value, "at_s": count.at_s, "rank": count.rank(half_life_s)}
        )  # fmt: skip
    update_rows(connection, phrases, changed)


def add(connection: sa.Connection, grown: Sequence[Grown], half_life_s: float) -> None:
    """Add phrases; one whose key is there gets the text anew."""
    rows = {
        one.key: {
            "key": one.key, "source": one.source, "target": one.target, "text": one.text, "origin": one.origin,
            "said": one.said, "translator": one.translator, "quality": one.quality, "saying": one.saying,
            "value": one.count.value if one.count else None, "at_s": one.count.at_s if one.count else None,
            "rank": one.count.rank(half_life_s) if one.count else None,
        }
        for one in grown
    }  # fmt: skip
    insert_rows(connection, phrases, [row for _, row in sorted(rows.items())], replace=("text", "quality"))


def size(connection: sa.Connection) -> int:
    """Return how many phrases the library holds."""
    return connection.scalar(sa.select(sa.func.count()).select_from(phrases)) or 0


def sizes(connection: sa.Connection) -> dict[Pair, dict[str, int]]:
    """Return, per pair, how many phrases of each origin the library holds; all of the corpus count as `corpus`."""
    rows = connection.execute(
        sa.select(phrases.c.source, phrases.c.target, phrases.c.origin, sa.func.count().label("held")).group_by(
            phrases.c.source, phrases.c.target, phrases.c.origin
        )
    )
    found: dict[Pair, dict[str, int]] = {}
    for row in rows:
        of_pair = found.setdefault((row.source, row.target), dict.fromkeys((CORPUS, *GROWN), 0))
        of_pair[row.origin.split(":")[0]] = of_pair.get(row.origin.split(":")[0], 0) + row.held
    return found


def evict(connection: sa.Connection, most: int) -> int:
    """Let the least wanted of what grew go until at most so many phrases are left; return how many that were."""
    excess = size(connection) - most
    if excess <= 0:
        return 0
    least = (
        sa.select(phrases.c.key)
        .where(phrases.c.origin.in_(GROWN))
        .order_by(phrases.c.rank.is_not(None), phrases.c.rank, phrases.c.key)
        .limit(excess)
    )
    return connection.execute(sa.delete(phrases).where(phrases.c.key.in_(least))).rowcount


def most_wanted(connection: sa.Connection, source: str, least_rank: float, limit: int) -> Sequence[sa.Row]:
    """Return the most wanted phrases of a language with what was said, whatever they were translated into."""
    return connection.execute(
        sa.select(phrases)
        .where(phrases.c.source == source, phrases.c.rank >= least_rank, phrases.c.said.is_not(None))
        .order_by(phrases.c.rank.desc())
        .limit(limit)
    ).all()


def wanted_in(connection: sa.Connection, target: str, least_rank: float, limit: int) -> Sequence[sa.Row]:
    """Return the most wanted translations into a language, whatever was said."""
    return connection.execute(
        sa.select(phrases)
        .where(phrases.c.target == target, phrases.c.rank >= least_rank)
        .order_by(phrases.c.rank.desc())
        .limit(limit)
    ).all()


def forget_owner(connection: sa.Connection, owner: Owner, owners: int) -> int:
    """Erase what is counted for an owner, and take phrases back that too few are left to have said.

    Return how many phrases left the library.
    """
    sayings = take_sayings_of_owner(connection, owner)
    lost = sayings - shared(connection, sayings, owners)
    return connection.execute(sa.delete(phrases).where(among(connection, phrases.c.saying, lost))).rowcount
