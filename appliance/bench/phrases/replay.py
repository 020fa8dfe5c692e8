"""Replaying a stream: how often the library knows a sentence, window by window, with growth and without."""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Literal

import msgspec

from appliance.bench.phrases.site import Site, opened_site
from appliance.bench.phrases.stream import Asked, requests, vocabulary
from appliance.cache.phrase_days import days_since
from appliance.jobs.documents import JobDocument
from appliance.jobs.states import JobState
from appliance.settings import Settings
from appliance.workers.phrases import CORPUS

SEED = 20_261
REQUESTS, WINDOW, AT_ONCE = 1000, 100, 10
EDGE = 3
"""Windows at each end that the rise is taken from: one alone is at the mercy of what happened to be said in it."""
LEAST_RISE = 0.1
"""How much more the hit rate has to rise with growth than without."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up in a stretch of the stream."""

    sentences: int
    corpus_hits: int
    grown_hits: int
    own_hits: int
    misses: int
    size: int
    """Of the library, at its end."""

    @property
    def hit_rate(self) -> float:
        """Return the library's hits as a share of all sentences."""
        return (self.corpus_hits + self.grown_hits) / self.sentences


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The three runs of one stream, and what follows."""

    seed: int
    requests: int
    growing: list[Window]
    control: list[Window]
    """Growth switched off."""
    control_again: list[Window]
    rise: float
    """Of the hit rate from the first windows to the last."""
    control_rise: float
    control_difference: float
    """Largest difference of a window between the two controls."""
    check: str
    """Empty, or what is not as it should be."""
    verdict: Literal["holds", "falls_short", "check_failed"]


def replay(settings: Settings, say: Callable[[str], None], count: int = REQUESTS, seed: int = SEED) -> Replayed:
    """Run the stream with growth and twice without; everything but the growth is the same."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible draw
    stream = list(requests(vocabulary(CORPUS, rng), count, rng))
    runs, faults = [], []
    for name, change in (("growing", {}), ("control", {"phrases_most": 0}), ("control again", {"phrases_most": 0})):
        say(f"phrases: {name}")
        with tempfile.TemporaryDirectory(prefix="meeshy-bench-") as folder:
            own = settings.model_copy(
                update={"data_dir": Path(folder), "database_url": "", "s3_endpoint": "", **change}
            )
            with opened_site(Path(folder), own) as site:
                windows, fault = _run(site, stream)
        runs.append(windows)
        faults += [f"{name}: {fault}"] if fault else []
    growing, control, again = runs
    rise, control_rise = _rise(growing), _rise(control)
    held = rise - control_rise >= LEAST_RISE
    return Replayed(
        seed=seed,
        requests=count,
        growing=growing,
        control=control,
        control_again=again,
        rise=round(rise, 3),
        control_rise=round(control_rise, 3),
        control_difference=max(
            abs(one.hit_rate - other.hit_rate) for one, other in zip(control, again, strict=True)
        ),
        check="; ".join(faults),
        verdict="check_failed" if faults else "holds" if held else "falls_short",
    )  # fmt: skip


def _run(site: Site, stream: Sequence[Asked]) -> tuple[list[Window], str]:
    windows = []
    wrong = ""
    for start in range(0, len(stream), WINDOW):
        asked = stream[start : start + WINDOW]
        jobs = [job for at in range(0, len(asked), AT_ONCE) for job in site.serve(asked[at : at + AT_ONCE])]
        unfinished = sum(job.state is not JobState.DONE for job in jobs)
        wrong = wrong or (f"{unfinished} jobs of a window did not end well" if unfinished else "")
        windows.append(_window(jobs, site.size()))
    return windows, wrong or _disagreement(site, windows)


def _window(jobs: Sequence[JobDocument], size: int) -> Window:
    sentences = [
        sentence
        for job in jobs
        for target in job.targets
        for sentence in (target.translation or {}).get("sentences", ())
    ]
    hits = [sentence for sentence in sentences if sentence["memory"] == "phrases"]
    of_corpus = sum(sentence["engines"][0].startswith("phrases/corpus") for sentence in hits)
    return Window(
        sentences=len(sentences),
        corpus_hits=of_corpus,
        grown_hits=len(hits) - of_corpus,
        own_hits=sum(sentence["memory"] == "translations" for sentence in sentences),
        misses=sum(not sentence["memory"] for sentence in sentences),
        size=size,
    )


def _disagreement(site: Site, windows: Sequence[Window]) -> str:
    """Return what the days' counts, which the API tells, and the jobs' own documents do not agree on."""
    with site.context.database.read() as connection:
        rows = days_since(connection, "")
    told = tuple(sum(getattr(row, name) for row in rows) for name in ("hits", "own_hits", "misses"))
    seen = (
        sum(window.corpus_hits + window.grown_hits for window in windows),
        sum(window.own_hits for window in windows),
        sum(window.misses for window in windows),
    )
    return "" if told == seen else f"hits, own hits and misses by day are {told}, by document {seen}"


def _rise(windows: Sequence[Window]) -> float:
    edge = min(EDGE, len(windows) // 2)
    return mean(w.hit_rate for w in windows[-edge:]) - mean(w.hit_rate for w in windows[:edge])
