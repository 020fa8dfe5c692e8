"""Growing the phrase library from what was accepted since the last round.

No request pays for it: results are read from their jobs' rows, once each, some seconds after they ended. A job that was
deleted before counts for nothing. One process at a time does this, so counts are read, added to and written.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.cache.library import LIBRARY, USED, Grown, add, count_uses, evict, rows_of, sizes
from appliance.cache.phrase_days import LookUps, count_days, forget_days, note_sizes
from appliance.cache.promotable import is_promotable
from appliance.cache.sayings import Saying, count_sayings, forget_faded, shared, site_secret, worth
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.accepted import Accepted, Place, accepted_since, still_there
from appliance.jobs.locks import got_name
from appliance.jobs.usage import day_of
from appliance.settings import Settings
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import phrase_sayings, phrases
from appliance.telemetry.noting import note

SETTLED_S = 10.0
"""A job's end is read this long after: a transaction that took its time earlier may be committed later."""
JOBS_AT_ONCE = 10
"""Of one transaction, which on SQLite keeps others from writing for some 3 ms. What takes time without writing is done
before it."""
TRANSACTIONS = 100
"""Of one round, which other duties and the worker's heartbeat wait for: 1,000 jobs in 10 s."""
REST_S = 0.005
"""Between transactions on SQLite. Whoever finds it locked sleeps and looks again: one transaction behind the other made
callers wait 1.9 s once a minute, at 100 known requests a second on two cores."""
SAYINGS_PER_PHRASE = 5
"""How many counts of owners are kept for each phrase that the library may hold."""
_PLACE = "phrases.place"
_HALF_LIFE = "phrases.half_life_s"


class _Said(NamedTuple):
    """A sentence of an accepted result that may become a phrase, with the keys that the library would hold it under."""

    job_id: str
    saying: Saying
    sentence: dict[str, Any]
    keys: Sequence[str]


class _Chapter(NamedTuple):
    """The results of the next jobs, reckoned up before anybody is kept from writing."""

    place: Place
    after: Place
    found: Sequence[Accepted]
    said: Sequence[_Said]


def grow_phrases(house: House) -> Outcome:
    """Count what was looked up and said since the last round, and let the library grow by it."""
    read, reached = 0, None
    for _ in range(TRANSACTIONS):
        chapter = _next_chapter(house, reached)
        if chapter is None:
            break
        if house.dry_run:
            # Where a real round writes down how far it is, this one has to remember it.
            reached = chapter.after
        elif not _taken_in(house, chapter):
            break
        # At least one: jobs without an accepted result were read too.
        read += max(1, len(chapter.found))
        if house.database.is_sqlite and not house.dry_run:
            house.rest(REST_S)
    return house.outcome(read)


def bound_phrases(house: House) -> Outcome:
    """Let go what the library may not hold any more, and write down how large it is today."""
    gone = 0
    with house.transaction() as connection:
        if got_name(connection, LIBRARY):
            now_s = house.database.now_s(connection)
            _fade_as_set(connection, house.settings.phrases_half_life_s, now_s)
            gone = _let_go(connection, house.settings, now_s)
    with house.database.read() as connection:
        # Not while others cannot write: by pair, 48,000 phrases took 0.2 s on a busy machine of two cores.
        held = {pair: sum(of_pair.values()) for pair, of_pair in sizes(connection).items()}
    with house.transaction() as connection:
        note_sizes(connection, day_of(house.database.now_s(connection)), held)
    return house.outcome(gone)


def _next_chapter(house: House, reached: Place | None) -> _Chapter | None:
    """Read on from the place that was reached, None for that which is written down; None where no job is left."""
    with house.database.read() as connection:
        place = reached or _place(connection)
        found, after = accepted_since(connection, place, house.database.now_s(connection) - SETTLED_S, JOBS_AT_ONCE)
    if after is None:
        return None
    return _Chapter(place, after, found, list(_promotable(found)) if house.settings.phrases_most else ())


def _taken_in(house: House, chapter: _Chapter) -> bool:
    """Return whether it was this process's turn to take the chapter in."""
    with house.transaction() as connection:
        if not got_name(connection, LIBRARY) or _place(connection) != chapter.place:
            return False
        _take_in(connection, house.settings, chapter, house.database.now_s(connection))
    return True


def _place(connection: sa.Connection) -> Place:
    return msgspec.convert(site_value(connection, _PLACE) or {}, Place)


def _promotable(found: Sequence[Accepted]) -> Iterator[_Said]:
    for result in found:
        if result.whisper or result.source == result.target:
            continue
        for sentence in result.sentences:
            text, pair = sentence["source"], (result.source, result.target)
            if not is_promotable(text):
                continue
            phrase, made_by = phrase_key(text, *pair), _made_by(sentence)
            keys = (phrase, phrase_key(text, *pair, made_by)) if made_by else (phrase,)
            saying = Saying(result.owner, result.voice, text, *pair, result.at_s, phrase)
            yield _Said(result.job_id, saying, sentence, keys)


def _take_in(connection: sa.Connection, settings: Settings, chapter: _Chapter, now_s: float) -> None:
    _fade_as_set(connection, settings.phrases_half_life_s, now_s)
    set_site_value(connection, _PLACE, msgspec.to_builtins(chapter.after), now_s)
    # An owner may have erased all that was read of them meanwhile; whoever erases holds the library's name as well.
    there = still_there(connection, chapter.found)
    _count_look_ups(connection, [result for result in chapter.found if result.job_id in there])
    said = [one for one in chapter.said if one.job_id in there]
    if said:
        _count_said(connection, settings, said, now_s)


def _fade_as_set(connection: sa.Connection, half_life_s: float, now_s: float) -> None:
    """Bring all ranks to the half-life in force: a rank is log2(value) + at_s / half-life."""
    was_s = site_value(connection, _HALF_LIFE)
    if was_s == half_life_s:
        return
    set_site_value(connection, _HALF_LIFE, half_life_s, now_s)
    if was_s is not None:
        for table in (phrases, phrase_sayings):
            changed = table.c.rank + table.c.at_s * (1 / half_life_s - 1 / was_s)
            connection.execute(sa.update(table).where(table.c.rank.is_not(None)).values(rank=changed))


def _count_look_ups(connection: sa.Connection, found: Sequence[Accepted]) -> None:
    of_days: dict[tuple[str, tuple[str, str]], LookUps] = {}
    for result in found:
        pair = ("en" if result.whisper else result.source, result.target)
        if not result.computed or pair[0] == pair[1]:
            continue
        look_ups = of_days.setdefault((day_of(result.at_s), pair), LookUps())
        for sentence in result.sentences:
            memory = sentence.get("memory")
            look_ups.hits += memory == "phrases"
            look_ups.own_hits += memory == "translations"
            look_ups.misses += not memory
    count_days(connection, of_days)
    for outcome in ("hits", "own_hits", "misses"):
        total = sum(getattr(look_ups, outcome) for look_ups in of_days.values())
        if total:
            note(connection, "phrase_look_ups", outcome, value=total)


def _count_said(connection: sa.Connection, settings: Settings, said: Sequence[_Said], now_s: float) -> None:
    """Count each sentence for its owner and for its phrase, and promote what enough people have said by now."""
    half_life_s = settings.phrases_half_life_s
    keys = count_sayings(connection, site_secret(connection, now_s), [one.saying for one in said], half_life_s)
    uses: dict[str, list[float]] = {}
    for one in said:
        for key in one.keys:
            uses.setdefault(key, []).append(one.saying.at_s)
    held = rows_of(connection, uses)
    count_uses(connection, held.values(), uses, half_life_s)
    new = [one for one in said if _made_by(one.sentence) and not any(key in held for key in one.keys)]
    common = shared(connection, {keys[one.saying] for one in new}, settings.phrases_owners)
    worths = worth(connection, common, now_s, half_life_s)
    promoted = [
        Grown(saying.text, saying.source, saying.target, normalised(sentence["text"]), _made_by(sentence),
              sentence.get("quality", "standard"), USED, keys[saying], worths[keys[saying]])
        for _, saying, sentence, _ in new
        if keys[saying] in common
    ]  # fmt: skip
    add(connection, promoted, half_life_s)


def _made_by(sentence: dict) -> str:
    """Return the key of the engine that made a sentence; empty for the corpus' own."""
    engines = sentence.get("engines", ())
    return "" if any(engine.startswith("phrases/") for engine in engines) else "+".join(engines)


def _let_go(connection: sa.Connection, settings: Settings, now_s: float) -> int:
    gone = forget_days(connection, day_of(now_s - settings.events_ttl_s))
    if settings.phrases_most:
        gone += evict(connection, settings.phrases_most)
        half_life_s = settings.phrases_half_life_s
        gone += forget_faded(connection, now_s, half_life_s, SAYINGS_PER_PHRASE * settings.phrases_most)
    return gone
