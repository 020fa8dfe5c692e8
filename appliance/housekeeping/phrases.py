"""Growing the phrase library from what was accepted since the last round.

No request pays for it: results are read from their jobs' rows, once each, some seconds after they ended. A job that was
deleted before counts for nothing. One process at a time does this, so counts are read, added to and written.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.cache.library import USED, Grown, add, count_uses, evict, rows_of, sizes
from appliance.cache.phrase_days import LookUps, count_days, forget_days, note_sizes
from appliance.cache.promotable import is_promotable
from appliance.cache.sayings import Saying, count_sayings, forget_faded, shared, site_secret, worth
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.accepted import Accepted, Place, accepted_since
from appliance.jobs.locks import got_name
from appliance.jobs.usage import day_of
from appliance.settings import Settings
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import phrase_sayings, phrases
from appliance.telemetry.noting import note

SETTLED_S = 10.0
"""A job's end is read this long after: a transaction that took its time earlier may be committed later."""
JOBS_AT_ONCE = 50
"""Of one transaction, which on SQLite keeps others from writing: 0.06 s on a busy machine of two cores."""
TRANSACTIONS = 100
"""Of one round: 5,000 jobs a minute."""
SAYINGS_PER_PHRASE = 5
"""How many counts of owners are kept for each phrase that the library may hold."""
GROWING = "phrases"
"""Held by whoever changes the library."""
_PLACE = "phrases.place"
_HALF_LIFE = "phrases.half_life_s"


def grow_phrases(house: House) -> Outcome:
    """Count what was looked up and said since the last round, and let the library grow and shrink by it."""
    read = 0
    for _ in range(1 if house.dry_run else TRANSACTIONS):
        with house.transaction() as connection:
            if not got_name(connection, GROWING):
                break
            ended = _grown_by(connection, house.settings, house.database.now_s(connection))
        read += ended
        if ended == 0:
            break
    with house.transaction() as connection:
        if got_name(connection, GROWING):
            _keep_bounds(connection, house.settings, house.database.now_s(connection))
    with house.database.read() as connection:
        # Not while others cannot write: by pair, 48,000 phrases took 0.2 s on a busy machine of two cores.
        held = {pair: sum(of_pair.values()) for pair, of_pair in sizes(connection).items()}
    with house.transaction() as connection:
        note_sizes(connection, day_of(house.database.now_s(connection)), held)
    return house.outcome(read)


def _grown_by(connection: sa.Connection, settings: Settings, now_s: float) -> int:
    """Take in the next results in this transaction, and return how many that were, 0 where none is left."""
    _fade_as_set(connection, settings.phrases_half_life_s, now_s)
    place = msgspec.convert(site_value(connection, _PLACE) or {}, Place)
    found, after = accepted_since(connection, place, now_s - SETTLED_S, JOBS_AT_ONCE)
    if after is None:
        return 0
    set_site_value(connection, _PLACE, msgspec.to_builtins(after), now_s)
    _count_look_ups(connection, found)
    if settings.phrases_most:
        _take_in(connection, settings, found, now_s)
    # At least one: jobs without an accepted result were read too.
    return max(1, len(found))


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


def _take_in(connection: sa.Connection, settings: Settings, found: Sequence[Accepted], now_s: float) -> None:
    """Count each sentence for its owner and for its phrase, and promote what enough people have said by now."""
    half_life_s = settings.phrases_half_life_s
    said = [
        (Saying(result.owner, result.voice, sentence["source"], result.source, result.target, result.at_s), sentence)
        for result in found
        if not result.whisper and result.source != result.target
        for sentence in result.sentences
        if is_promotable(sentence["source"])
    ]
    if not said:
        return
    keys = count_sayings(
        connection, site_secret(connection, now_s), [saying for saying, _ in said], half_life_s
    )  # fmt: skip
    uses: dict[str, list[float]] = {}
    for saying, sentence in said:
        for key in _library_keys(saying, sentence):
            uses.setdefault(key, []).append(saying.at_s)
    held = rows_of(connection, uses)
    count_uses(connection, held.values(), uses, half_life_s)
    new = [
        (saying, sentence) for saying, sentence in said
        if _made_by(sentence) and not any(key in held for key in _library_keys(saying, sentence))
    ]  # fmt: skip
    common = shared(connection, {keys[saying] for saying, _ in new}, settings.phrases_owners)
    worths = worth(connection, common, now_s, half_life_s)
    promoted = [
        Grown(saying.text, saying.source, saying.target, normalised(sentence["text"]), _made_by(sentence),
              sentence.get("quality", "standard"), USED, keys[saying], worths[keys[saying]])
        for saying, sentence in new
        if keys[saying] in common
    ]  # fmt: skip
    add(connection, promoted, half_life_s)


def _library_keys(saying: Saying, sentence: dict) -> list[str]:
    keys = [phrase_key(saying.text, saying.source, saying.target)]
    if made_by := _made_by(sentence):
        keys.append(phrase_key(saying.text, saying.source, saying.target, made_by))
    return keys


def _made_by(sentence: dict) -> str:
    """Return the key of the engine that made a sentence; empty for the corpus' own."""
    engines = sentence.get("engines", ())
    return "" if any(engine.startswith("phrases/") for engine in engines) else "+".join(engines)


def _keep_bounds(connection: sa.Connection, settings: Settings, now_s: float) -> None:
    if settings.phrases_most:
        evict(connection, settings.phrases_most)
        half_life_s = settings.phrases_half_life_s
        forget_faded(connection, now_s, half_life_s, SAYINGS_PER_PHRASE * settings.phrases_most)
    forget_days(connection, day_of(now_s - settings.events_ttl_s))
