"""How large the site's phrase library is, and how it serves, day by day."""

from typing import Annotated

import msgspec
import sqlalchemy as sa
from litestar import Request, get
from litestar.params import QueryParameter
from msgspec import Meta

from appliance.access.caller import Caller
from appliance.access.rates import count_request
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.cache.library import AHEAD, CORPUS, USED, Pair, sizes
from appliance.cache.phrase_days import days_since
from appliance.jobs.usage import day_of

DAYS, MOST_DAYS = 30, 400
_DAY_S = 86_400.0

Days = Annotated[
    int,
    QueryParameter(
        name="days",
        required=False,
        ge=1,
        le=MOST_DAYS,
        description="How many days back, today included.",
    ),
]


class LookUpsOut(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences that were looked up before an engine was asked."""

    hits: Annotated[int, Meta(description="Found in the library.")]
    own_hits: Annotated[int, Meta(description="Not in the library, but the same user's of the last days.")]
    misses: Annotated[int, Meta(description="In neither: an engine translated them.")]
    hit_rate: Annotated[float | None, Meta(description="Share of hits in all three; null where nothing was looked up.")]


class PhraseDayOut(LookUpsOut, frozen=True, kw_only=True):
    """One day of one pair."""

    day: Annotated[str, Meta(description="In UTC.")]
    size: Annotated[int, Meta(description="Phrases of the pair that evening, or now.")]


class PhrasePairOut(LookUpsOut, frozen=True, kw_only=True):
    """One pair of languages over these days, and its part of the library as it is now."""

    source: str
    target: str
    size: int
    corpus: Annotated[int, Meta(description="Of these, from the corpus that comes along.")]
    used: Annotated[int, Meta(description="Of these, said by enough users.")]
    ahead: Annotated[int, Meta(description="Of these, translated in idle time.")]
    days: list[PhraseDayOut]


class PhraseStatsOut(LookUpsOut, frozen=True, kw_only=True):
    """The library of the whole site."""

    size: int
    most: Annotated[int, Meta(description="Phrases that it may hold; 0: it does not grow.")]
    since_day: str
    pairs: list[PhrasePairOut]


@get(
    "/api/v1/voice/phrases/stats",
    operation_id="getPhraseStats",
    summary="Size and hit rate of the phrase library",
    tags=["learning"],
    response_description="The library's size, and per pair and day what was looked up in it; of all applications.",
    responses=problems(*OWNED),
)
async def get_phrase_stats(
    request: Request[Caller, None, object], parts: Parts, days: Days = DAYS
) -> PhraseStatsOut:  # fmt: skip
    """Return how the site's phrase library has grown and served; it needs the role `admin`."""
    counted = request.user.whole_application()
    await parts.threads.short(count_request, parts.database, counted, parts.settings.requests_per_minute)
    return await parts.threads.short(_stats, parts, days)


def _stats(parts: ApiParts, days: int) -> PhraseStatsOut:
    with parts.database.read() as connection:
        since = day_of(parts.database.now_s(connection) - (days - 1) * _DAY_S)
        held = sizes(connection)
        of_pairs: dict[Pair, list[sa.Row]] = {pair: [] for pair in sorted(held)}
        for row in days_since(connection, since):
            of_pairs.setdefault((row.source, row.target), []).append(row)
    pairs = [_pair(pair, held.get(pair, {}), rows) for pair, rows in sorted(of_pairs.items())]
    return PhraseStatsOut(
        size=sum(pair.size for pair in pairs),
        most=parts.settings.phrases_most,
        since_day=since,
        pairs=pairs,
        **_look_ups([row for rows in of_pairs.values() for row in rows]),
    )


def _pair(pair: Pair, held: dict[str, int], rows: list[sa.Row]) -> PhrasePairOut:
    return PhrasePairOut(
        source=pair[0],
        target=pair[1],
        size=sum(held.values()),
        corpus=held.get(CORPUS, 0),
        used=held.get(USED, 0),
        ahead=held.get(AHEAD, 0),
        days=[PhraseDayOut(day=row.day, size=row.size, **_look_ups([row])) for row in rows],
        **_look_ups(rows),
    )


def _look_ups(rows: list[sa.Row]) -> dict[str, float | None]:
    hits, own_hits, misses = (sum(getattr(row, name) for row in rows) for name in ("hits", "own_hits", "misses"))
    asked = hits + own_hits + misses
    rate = round(hits / asked, 4) if asked else None
    return {"hits": hits, "own_hits": own_hits, "misses": misses, "hit_rate": rate}
