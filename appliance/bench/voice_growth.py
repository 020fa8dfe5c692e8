"""What seconds of samples do to a profile: its embedding and the speech made from it, beside the held-out speaker."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from appliance.bench.voice_people import Person, aliases_of, recorded_people, sentences, spoken
from appliance.engines.kokoro import Kokoro
from appliance.engines.kokoro_match import MatchSettings
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakerEncoder, Voice
from appliance.errors import MeeshyError
from appliance.voices import growth
from appliance.voices.growth import LEAST_SPEECH_S, LEVELS, Level, Sample
from appliance.voices.measures import speaker_similarity
from appliance.voices.refine import refine, refine_probes, refine_steps, slice_steps

SPEAKERS = ("af_nicole", "am_michael", "bf_emma", "hf_alpha", "im_nicola", "zm_yunyang")
MOST_LOSS = 0.02
_LANGUAGE = "en"
_HELD_OUT, _JUDGED = 5, 3
"""The last sentences of the corpus: what the speaker says to be compared with, and what the made voice says."""
_PEOPLE_S = (3.0, 6.0)
_NO_RECORDINGS = "No human recordings (--recordings): the table is of stock voices alone, left out of the match."


@dataclass(frozen=True, slots=True)
class Step:
    """A profile at so many seconds of samples; every similarity is to speech of the speaker that is no sample."""

    speaker: str
    level: str
    seconds: float
    samples: int
    stability: float
    embedding: float
    """Of the profile's embedding."""
    matched: float
    """Of sentences spoken by the match alone."""
    refined: float
    """Of the same sentences after the level's refinement, which goes on from the level before."""
    steps: int


def growth_report(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    recordings: Path | None,
    *,
    quick: bool,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], str]:
    """Return one row per speaker and level, the means last, as plain data and as text."""
    levels = LEVELS[:1] if quick else LEVELS
    steps: list[Step] = []
    for name in SPEAKERS[:1] if quick else SPEAKERS:
        say(f"growth: {name} reads")
        person, held = _stock_person(kokoro, name, LEAST_SPEECH_S[levels[-1]])
        bounds = [(level, LEAST_SPEECH_S[level], level) for level in levels]
        steps += _grown(kokoro, encoder, person, held, bounds, say)
    means = _means(steps, levels)
    people = [] if quick else recorded_people(recordings)
    for person in people:
        clips, held = _people_halves(person)
        bounds = [(f"{seconds:.0f} s", seconds, "basic") for seconds in _PEOPLE_S if seconds <= clips.seconds]
        steps += _grown(kokoro, encoder, clips, held, bounds, say)
    document: dict[str, Any] = {"rows": [asdict(step) for step in steps], "means": [asdict(step) for step in means]}
    lines = [as_table([*steps, *means])]
    if len(means) > 1:
        rises = all(one.embedding < other.embedding for one, other in pairwise(means))
        loss = max(one.refined - other.refined for one, other in pairwise(means))
        document |= {"embedding_rises": rises, "spoken_loses": round(loss, 4), "holds": rises and loss <= MOST_LOSS}
        lines.append(
            f"embedding rises with every level: {'yes' if rises else 'no'}; most that speech loses from one level to "
            f"the next: {loss:+.3f} (demand: at most {MOST_LOSS})"
        )
    if not people:
        document["not_shown"] = _NO_RECORDINGS
        lines.append(_NO_RECORDINGS)
    return document, "\n".join(lines)


def profile(samples: Sequence[Sample]) -> Samples:
    """Return the embedding of a profile that began with its first ten seconds and took every later sample in turn."""
    begun = 0
    while begun < len(samples) and sum(sample.speech_s for sample in samples[:begun]) < LEAST_SPEECH_S["basic"]:
        begun += 1
    embedding = growth.first(samples[:begun])
    for sample in samples[begun:]:
        embedding = growth.updated(embedding, sample.embedding)
    return embedding


def as_table(steps: Sequence[Step]) -> str:
    """Return the rows as aligned text, one line each."""
    lines = [
        f"{'speaker':<14}{'level':<10}{'seconds':>8}{'samples':>9}{'stability':>11}{'embedding':>11}{'matched':>9}"
        f"{'refined':>9}{'steps':>7}"
    ]
    for step in steps:
        lines.append(
            f"{step.speaker:<14}{step.level:<10}{step.seconds:>8.1f}{step.samples:>9}{step.stability:>11.3f}"
            f"{step.embedding:>11.4f}{step.matched:>9.3f}{step.refined:>9.3f}{step.steps:>7}"
        )
    return "\n".join(lines)


def _stock_person(kokoro: Kokoro, name: str, seconds: float) -> tuple[Person, tuple[Samples, ...]]:
    """Return a stock voice that has read so many seconds of the corpus, and its reading of the held-out sentences."""
    texts, voice = sentences(), kokoro.stock_voice(_LANGUAGE, name)
    clips: list[Samples] = []
    for text in texts[: -_HELD_OUT - _JUDGED]:
        if sum(map(len, clips)) >= seconds * SPEECH_RATE_HZ:
            break
        clips += spoken(kokoro, voice, [text])
    return Person(name, tuple(clips), aliases_of(name)), spoken(kokoro, voice, texts[-_HELD_OUT:])


def _people_halves(person: Person) -> tuple[Person, tuple[Samples, ...]]:
    """Return a recorded person's samples, clips of three seconds at most, and the held-out other half of the speech."""
    sound = np.concatenate(person.clips)
    half, size = len(sound) // 2, 3 * SPEECH_RATE_HZ
    clips = tuple(sound[start : min(start + size, half)] for start in range(0, half, size))
    return Person(person.name, tuple(clip for clip in clips if len(clip) > SPEECH_RATE_HZ)), (sound[half:],)


def _grown(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    person: Person,
    held: Sequence[Samples],
    bounds: Sequence[tuple[str, float, Level]],
    say: Callable[[str], None],
) -> list[Step]:
    goal = _embedding(encoder, np.concatenate(held))
    samples = [_sample(encoder, n, clip) for n, clip in enumerate(person.clips)]
    rows: list[Step] = []
    kept: Voice | None = None
    for title, seconds, level in bounds:
        say(f"growth: {person.name}, {title}")
        count = int(np.searchsorted(np.cumsum([sample.speech_s for sample in samples]), seconds) + 1)
        own = samples[:count]
        embedding = profile(own)
        voice = kokoro.match_voice(
            [person.clips[int(sample.id)] for sample in own],
            _LANGUAGE,
            embedding,
            MatchSettings(exclude=person.aliases),
        )
        found = _refined(kokoro, encoder, embedding, level, kept, voice, person.aliases)
        rows.append(
            Step(
                speaker=person.name,
                level=title,
                seconds=sum(sample.speech_s for sample in own),
                samples=len(own),
                stability=growth.stability(own),
                embedding=speaker_similarity(embedding, goal),
                matched=_said(kokoro, encoder, voice, goal),
                refined=_said(kokoro, encoder, found, goal),
                steps=refine_steps(level),
            )
        )
        kept = found
    return rows


def _refined(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    goal: Samples,
    level: Level,
    kept: Voice | None,
    matched: Voice,
    exclude: tuple[str, ...],
) -> Voice:
    """Return what a level's slices of work come to, from the voice of the level before or from the match."""
    voice, rivals = (matched, ()) if kept is None else (kept, (matched,))
    trail = None
    for done in range(0, refine_steps(level), slice_steps(level)):
        found = refine(
            kokoro, encoder, kokoro.stock_facts(), None, _LANGUAGE, voice,
            goal=goal, steps=min(slice_steps(level), refine_steps(level) - done), probes=refine_probes(level),
            rivals=rivals, trail=trail, budget_s=float("inf"), exclude=exclude,
        )  # fmt: skip
        voice, trail = found.voice, found.trail
    return voice


def _said(kokoro: Kokoro, encoder: SpeakerEncoder, voice: Voice, goal: Samples) -> float:
    texts = sentences()[-_HELD_OUT - _JUDGED : -_HELD_OUT]
    return speaker_similarity(_embedding(encoder, np.concatenate(spoken(kokoro, voice, texts, _LANGUAGE))), goal)


def _sample(encoder: SpeakerEncoder, number: int, clip: Samples) -> Sample:
    return Sample(
        id=str(number), speech_s=len(clip) / SPEECH_RATE_HZ, snr_db=None, clipping_ratio=0.0, bandwidth_hz=8_000.0,
        embedding=_embedding(encoder, clip),
    )  # fmt: skip


def _embedding(encoder: SpeakerEncoder, sound: Samples) -> Samples:
    (found,) = encoder.embed([sound])
    if isinstance(found, MeeshyError):
        raise found
    return found


def _means(steps: Sequence[Step], levels: Sequence[Level]) -> list[Step]:
    means = []
    for level in levels:
        own = [step for step in steps if step.level == level]
        figures = {
            name: float(np.mean([getattr(step, name) for step in own]))
            for name in ("seconds", "stability", "embedding", "matched", "refined")
        }
        samples = round(float(np.mean([step.samples for step in own])))
        means.append(Step(f"mean of {len(own)}", level, samples=samples, steps=own[0].steps, **figures))
    return means
