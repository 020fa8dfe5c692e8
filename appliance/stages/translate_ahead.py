"""Translating ahead: phrases that are often wanted, into the other languages that are asked for here.

It is nobody's work: no job, no quota, no receipt. Each call does one small unit, so that whoever calls it between two
looks for work makes nobody wait for longer than that.
"""

from typing import NamedTuple

import sqlalchemy as sa

from appliance.cache.keys import normalised, phrase_key
from appliance.cache.library import AHEAD, Grown, Pair, add, most_wanted, rows_of, size
from appliance.cache.phrase_days import pairs_asked_for
from appliance.engines.protocols import TranslateRequest, Translation
from appliance.errors import MeeshyError
from appliance.jobs.locks import hold_names
from appliance.jobs.usage import day_of
from appliance.stages.ahead_budget import grant
from appliance.stages.context import Context
from appliance.telemetry.noting import note

UNIT = 8
"""Phrases of one call of the engine: about a tenth of a second on two cores, with the packs that come along."""
CANDIDATES = 500
"""Most wanted phrases of a language that are looked at."""
ASKED_S = 14 * 86_400.0
"""A pair counts as asked for when somebody asked for it in this time."""
LEAST_WORTH_LOG2 = 1.0
"""Wanted at least twice lately: one use of a phrase says nothing about the next."""


class _Unit(NamedTuple):
    pair: Pair
    translator: str
    rows: list[sa.Row]


class TranslatesAhead:
    """Translates ahead for one worker, whose translator it uses; call it in that worker's thread."""

    def __init__(self, context: Context) -> None:
        """Work on this context's library with its translator."""
        self._context = context
        self._refused: set[str] = set()

    def __call__(self) -> bool:
        """Translate one unit and return whether there was one."""
        unit = self._next()
        if unit is None:
            return False
        database = self._context.database
        with database.write() as connection:
            per_hour = self._context.settings.phrases_ahead_per_hour
            granted = grant(connection, per_hour, len(unit.rows), database.now_s(connection))
        rows = unit.rows[:granted]
        if rows:
            requests = [TranslateRequest((row.said,), *unit.pair) for row in rows]
            self._keep(unit._replace(rows=rows), self._context.engines.translator.translate(requests))
        return bool(rows)

    def _next(self) -> _Unit | None:
        """Return the most wanted phrases of the most wanted pair that lacks any; None where nothing may be added."""
        settings, database = self._context.settings, self._context.database
        routes = self._context.engines.translator.routes()
        with database.read() as connection:
            now_s = database.now_s(connection)
            room = settings.phrases_most - size(connection)
            if room <= 0:
                return None
            least_rank = LEAST_WORTH_LOG2 + now_s / settings.phrases_half_life_s
            for pair in pairs_asked_for(connection, day_of(now_s - ASKED_S)):
                if pair not in routes:
                    continue
                translator = "+".join(each.key for each in self._context.engines.translator.identity(*pair))
                rows = self._lacking(connection, pair, translator, least_rank)
                if rows:
                    return _Unit(pair, translator, rows[: min(UNIT, room)])
        return None

    def _lacking(self, connection: sa.Connection, pair: Pair, translator: str, least_rank: float) -> list[sa.Row]:
        """Return what is wanted of a language and is not in the library for this pair."""
        candidates = {}
        for row in most_wanted(connection, pair[0], least_rank, CANDIDATES):
            candidates.setdefault(phrase_key(row.said, *pair, translator), row)
        corpus = {key: phrase_key(row.said, *pair) for key, row in candidates.items()}
        held = rows_of(connection, {*corpus, *corpus.values()})
        return [
            row for key, row in candidates.items()
            if key not in held and corpus[key] not in held and key not in self._refused
        ]  # fmt: skip

    def _keep(self, unit: _Unit, results: list[Translation | MeeshyError]) -> None:
        made = []
        for row, result in zip(unit.rows, results, strict=True):
            if isinstance(result, MeeshyError) or not result.text.strip():
                self._refused.add(phrase_key(row.said, *unit.pair, unit.translator))
                continue
            made.append(
                Grown(row.said, *unit.pair, normalised(result.text), unit.translator, result.quality, AHEAD,
                      row.saying, None)
            )  # fmt: skip
        settings, database = self._context.settings, self._context.database
        with database.write() as connection:
            hold_names(connection, ["phrases"])
            add(connection, made, settings.phrases_half_life_s)
            if made:
                note(connection, "phrases_ahead", "translated", value=len(made))
