"""Quality and caches over a day, a month and two years, as an appliance tells them."""

from msgspec.structs import replace

from appliance.admin import schema
from tests.tui.scenes import NOW_S, quality


def qualities() -> dict[float, schema.Quality]:
    """Return what is told of a day, a month and two years."""
    day = 86_400.0
    caches = (
        schema.CacheQuality(level="l1", hits=640, misses=360, share=0.64, share_before=0.62),
        schema.CacheQuality(level="l1", kind="answer", hits=640, misses=360, share=0.64, share_before=0.62),
        schema.CacheQuality(level="l3", hits=21_000, misses=79_000, share=0.21, share_before=0.34),
        schema.CacheQuality(level="l3", kind="phrase", hits=21_000, misses=79_000, share=0.21, share_before=0.34),
    )
    short = replace(quality(), wer=0.12, wer_before=0.09, similarity=0.81, similarity_before=0.8, caches=caches)
    pairs = (
        schema.PairQuality(
            source="en", target="de", spoken=310_000, needs_review=4_100, failed=96, rating=4.4,
            wer=0.07, wer_before=0.11, similarity=0.87, similarity_before=0.82,
        ),
        schema.PairQuality(source="en", target="ja", spoken=99_000, wer=0.19, similarity=0.72),
    )  # fmt: skip
    voices = (
        schema.VoiceQuality(voice="cloned", spoken=290_000, wer=0.1, wer_before=0.16, similarity=0.84),
        schema.VoiceQuality(voice="matched", spoken=119_000, similarity=0.79, similarity_before=0.83),
    )
    long = replace(
        short, window_s=730 * day, step_s=day, spoken=409_000, pairs=pairs, voices=voices, pairs_left_out=3, wer=0.1,
        wer_before=0.16,
    )  # fmt: skip
    return {day: short, 30 * day: replace(short, window_s=30 * day, spoken=38_000), 730 * day: long}


def history(window_s: float, names: tuple[str, ...]) -> schema.History:
    """Return series in a hundred steps; the second quarter was not measured."""
    known = (
        "cache.l1", "cache.l3", "jobs_per_minute", "similarity", "similarity.voice.cloned", "similarity.voice.matched",
        "wer", "wer.pair.en>de", "wer.pair.en>ja",
    )  # fmt: skip
    figures = {"wer": (0.2, -0.1), "similarity": (0.7, 0.15), "cache.l1": (0.2, 0.44), "cache.l3": (0.34, -0.13)}
    figures |= {"wer.pair.en>ja": (0.1, 0.09), "wer.pair.en>de": (0.11, -0.04)}
    figures |= {"similarity.voice.cloned": (0.8, 0.04), "similarity.voice.matched": (0.83, -0.04)}
    step_s = window_s / 100
    series = tuple(
        schema.Series(
            name=name, unit="ratio", overall=first + rise, before=first, change=rise,
            points=tuple(
                schema.Point(NOW_S - window_s + step * step_s, first + rise * step / 100)
                for step in range(100)
                if not 25 <= step < 50
            ),
        )
        for name in names
        for first, rise in [figures[name]]
    )  # fmt: skip
    scaling = tuple(
        schema.Event(id=f"pool-{number}", at_s=NOW_S - part * window_s, kind="pool", text="start voice: load")
        for number, part in enumerate((0.02, 0.2, 0.21, 0.6))
    )
    return schema.History(
        server_time_s=NOW_S, window_s=window_s, step_s=step_s, series=series, known=known, scaling=scaling
    )
