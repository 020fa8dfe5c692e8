"""What receipts say about pairs of languages and kinds of voices, beside the time before."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.admin.live_types import PairQuality, Quality, VoiceQuality
from appliance.jobs.events import EventKind
from appliance.jobs.states import SPOKEN_TARGET, TargetState
from appliance.storage.tables import events

DAY_S = 86_400.0
MOST_PAIRS = 12
_SPOKEN = [state.value for state in SPOKEN_TARGET]


class _Sums(msgspec.Struct, kw_only=True):
    spoken: int = 0
    needs_review: int = 0
    failed: int = 0
    wer: float | None = None
    similarity: float | None = None


def load_quality(connection: sa.Connection, now_s: float, window_s: float = DAY_S) -> Quality:
    """Return the receipts of a window; the pairs and voices of most results, each with its figures before that."""
    voice = events.c.detail["voice_kind"].as_string()
    pair = (events.c.source_language, events.c.language)
    now, before = (now_s - window_s, now_s), (now_s - 2 * window_s, now_s - window_s)
    pairs, pairs_before = _sums(connection, pair, *now), _sums(connection, pair, *before)
    voices, voices_before = _sums(connection, (voice,), *now), _sums(connection, (voice,), *before)
    ratings = _ratings(connection, *now)
    known = sorted(pairs, key=lambda each: (-pairs[each].spoken, each[0] or "", each[1]))
    return Quality(
        window_s=window_s,
        spoken=sum(each.spoken for each in pairs.values()),
        pairs=tuple(
            PairQuality(
                source=key[0] or "",
                target=key[1],
                **msgspec.structs.asdict(pairs[key]),
                rating=ratings.get(key),
                wer_before=pairs_before.get(key, _Sums()).wer,
                similarity_before=pairs_before.get(key, _Sums()).similarity,
            )
            for key in known[:MOST_PAIRS]
        ),
        voices=tuple(
            VoiceQuality(
                voice=key[0],
                spoken=each.spoken,
                wer=each.wer,
                similarity=each.similarity,
                similarity_before=voices_before.get(key, _Sums()).similarity,
            )
            for key, each in sorted(voices.items(), key=lambda item: -item[1].spoken)
            if key[0]
        ),
    )


def _sums(
    connection: sa.Connection, by: Sequence[sa.ColumnElement[Any]], since_s: float, until_s: float
) -> dict[tuple, _Sums]:  # fmt: skip
    spoken = events.c.state.in_(_SPOKEN)
    # A kept answer has the figures of the work that made it: counted there.
    computed = sa.and_(spoken, sa.not_(events.c.cached))
    rows = connection.execute(
        sa.select(
            *by,
            sa.func.sum(sa.case((spoken, 1), else_=0)),
            sa.func.sum(sa.case((events.c.state == TargetState.NEEDS_REVIEW, 1), else_=0)),
            sa.func.sum(sa.case((events.c.state == TargetState.FAILED, 1), else_=0)),
            sa.func.avg(sa.case((computed, events.c.wer))),
            sa.func.avg(sa.case((computed, events.c.similarity))),
        )
        .where(events.c.at_s >= since_s, events.c.at_s < until_s, events.c.kind == EventKind.RECEIPT)
        .group_by(*by)
    )
    return {
        tuple(row[: len(by)]): _Sums(
            spoken=row[-5], needs_review=row[-4], failed=row[-3], wer=_rounded(row[-2]), similarity=_rounded(row[-1])
        )
        for row in rows
    }


def _ratings(connection: sa.Connection, since_s: float, until_s: float) -> dict[tuple, float | None]:
    pair = (events.c.source_language, events.c.language)
    rows = connection.execute(
        sa.select(*pair, sa.func.avg(events.c.rating))
        .where(events.c.at_s >= since_s, events.c.at_s < until_s, events.c.rating_counts)
        .group_by(*pair)
    )
    return {(row[0], row[1]): _rounded(row[2]) for row in rows}


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 4)
