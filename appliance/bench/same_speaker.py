"""The same-speaker gate, measured: false acceptances and rejections over thresholds and lengths of speech."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appliance.bench.gate_trials import Interval, Trials, equal_error_threshold, rates, trials
from appliance.bench.voice_people import Person, aliases_of, recorded_people, sentences, sessions, spoken
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SpeakerEncoder
from appliance.errors import MeeshyError
from appliance.voices.same_speaker import THRESHOLD

LENGTHS_S = (2.0, 3.0, 5.0, 8.0)
THRESHOLDS = (0.60, 0.65, 0.70, 0.725, 0.75, 0.775, 0.80, 0.85)
_QUICK_VOICES = 6
_NO_RECORDINGS = (
    "No human recordings (--recordings): this shows nothing of human voices, microphones and rooms, which bring the "
    "similarities of the same and of different people nearer to each other than stock voices do."
)


def gate_report(
    kokoro: Kokoro,
    encoder: SpeakerEncoder,
    recordings: Path | None,
    *,
    quick: bool,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], str]:
    """Return the gate's trials of stock voices and of people as plain data and as text.

    A stock voice's profile is two sentences of the corpus, its sessions are cut from two others, so no text is on both
    sides. A recorded person's clips are halved: the first half of the seconds is the profile.
    """
    names = kokoro.stock_facts().names
    chosen = names[:: max(1, len(names) // _QUICK_VOICES)] if quick else names
    say(f"gate: {len(chosen)} stock voices read")
    stock = _grouped(kokoro, chosen)
    people = recorded_people(recordings)
    groups = {"stock voices": _halved(stock), "people": _halved(people)}
    document: dict[str, Any] = {"threshold": THRESHOLD, "groups": {}}
    lines = [f"same-speaker gate: threshold {THRESHOLD:.3f}"]
    for title, halves in groups.items():
        if len(halves) < 2:
            continue
        say(f"gate: trials of {len(halves)} {title}")
        measured = [_row(found) for found in _trials(encoder, halves)]
        document["groups"][title] = measured
        lines += ["", *_lines(title, halves, measured)]
    if not people:
        document["not_shown"] = _NO_RECORDINGS
        lines += ["", _NO_RECORDINGS]
    return document, "\n".join(lines)


def _grouped(kokoro: Kokoro, names: Sequence[str]) -> list[Person]:
    """Return one person per group of aliases, who reads in the first of the voices and in every other in turn."""
    texts = sentences()
    people = []
    for name in names:
        voices = [other for other in aliases_of(name) if other in names]
        if name != voices[0]:
            continue
        clips = [spoken(kokoro, kokoro.stock_voice("en", voice), texts[:4]) for voice in voices]
        profile, later = clips[0][:2], [clip for own in clips for clip in own[2:]]
        people.append(Person(name, (*profile, *later), tuple(voices)))
    return people


def _halved(people: Sequence[Person]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return each person's name, the sound of the profile and that of the sessions."""
    found = []
    for person in people:
        sound = np.concatenate(person.clips)
        # Stock voices have the profile in their first two clips; people are cut in the middle of their seconds.
        middle = sum(map(len, person.clips[:2])) if person.aliases else len(sound) // 2
        found.append((person.name, sound[:middle], sound[middle:]))
    return found


def _trials(encoder: SpeakerEncoder, halves: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> list[Trials]:
    names = [name for name, _, _ in halves]
    profiles = [_embedded(encoder, [profile])[0] for _, profile, _ in halves]
    found = []
    for seconds in LENGTHS_S:
        cut = [sessions([later], seconds) for _, _, later in halves]
        if sum(1 for own in cut if own) < 2:
            continue
        width = len(profiles[0])
        embedded = [_embedded(encoder, own) if own else np.zeros((0, width)) for own in cut]
        found.append(trials(seconds, names, profiles, embedded))
    return found


def _embedded(encoder: SpeakerEncoder, clips: Sequence[np.ndarray]) -> np.ndarray:
    rows = encoder.embed(clips)
    for row in rows:
        if isinstance(row, MeeshyError):
            raise row
    return np.stack(rows)


def _row(found: Trials) -> dict[str, Any]:
    genuine, impostors = found.genuine, found.impostors
    crossing = equal_error_threshold(found)
    table = []
    for threshold in (*THRESHOLDS, THRESHOLD) if THRESHOLD not in THRESHOLDS else THRESHOLDS:
        far, frr = rates(found, threshold)
        table.append({"threshold": threshold, "far": _plain(far), "frr": _plain(frr)})
    return {
        "seconds": found.seconds,
        "own": len(genuine),
        "others": len(impostors),
        "own_lowest": round(float(genuine.min()), 3),
        "own_5_percent": round(float(np.percentile(genuine, 5)), 3),
        "others_95_percent": round(float(np.percentile(impostors, 95)), 3),
        "others_99_percent": round(float(np.percentile(impostors, 99)), 3),
        "others_highest": round(float(impostors.max()), 3),
        "equal_error_threshold": _plain(crossing),
        "rates": sorted(table, key=lambda row: row["threshold"]),
    }


def _plain(interval: Interval) -> dict[str, float]:
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}


def _lines(title: str, halves: Sequence[object], measured: Sequence[dict[str, Any]]) -> list[str]:
    lines = [f"{title} ({len(halves)}); intervals: 95 %, over speakers"]
    for row in measured:
        crossing = row["equal_error_threshold"]
        lines.append(
            f"  sessions of {row['seconds']:.0f} s: {row['own']} of the same person (least {row['own_lowest']:.3f}, "
            f"5 % {row['own_5_percent']:.3f}), {row['others']} of others (99 % {row['others_99_percent']:.3f}, most "
            f"{row['others_highest']:.3f}); errors equal at {_shown(crossing, 3)}"
        )
        lines.append(f"    {'threshold':>9}  {'false acceptance':<24}{'false rejection':<24}")
        for at in row["rates"]:
            far, frr = (f"{100 * at[k]['value']:.2f} % {_shown_range(at[k])}" for k in ("far", "frr"))
            lines.append(f"    {at['threshold']:>9.3f}  {far:<24}{frr:<24}")
    return lines


def _shown(interval: dict[str, float], digits: int) -> str:
    return f"{interval['value']:.{digits}f} ({interval['low']:.{digits}f} to {interval['high']:.{digits}f})"


def _shown_range(interval: dict[str, float]) -> str:
    return f"({100 * interval['low']:.1f} to {100 * interval['high']:.1f})"
