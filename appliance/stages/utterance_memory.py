"""What need not be spoken and heard again: the owner's utterances of the last day, in the voice in force.

An utterance is kept once its reading was accepted, under everything that it depends on: its text, the voice's version,
the engine that spoke, the one that listened, the limits. What it measured as goes to the cache; its sound is a part of
the reading's object, which stays as long as its job has a recording and goes with either.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from appliance.audio.measures import clipping_ratio, snr_db
from appliance.audio.pcm import samples_of
from appliance.cache.answers import Answer
from appliance.cache.keys import utterance_key
from appliance.cache.kinds import Kind
from appliance.engines.protocols import Samples, Speech, Voice
from appliance.errors import NotFound
from appliance.receipts.verdict import faults
from appliance.receipts.wer import words
from appliance.stages.context import Context
from appliance.stages.progress import Reading
from appliance.stages.work import Work

LIMITS = ("max_wer", "min_similarity")


class KeptUtterance(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance as it is kept: where its sound is, and what was measured on the reading it was part of."""

    object: str
    first: int
    past: int
    """The samples of the object that are this utterance."""
    rate_hz: int
    seed: int
    wer: float
    heard_text: str
    similarity: float | None
    pitch_distance_semitones: float | None
    mfcc_distance: float | None


class KnownUtterance(NamedTuple):
    """A kept utterance with its sound."""

    kept: KeptUtterance
    speech: Speech


def remember_utterances(
    context: Context, works: Sequence[tuple[Work, Voice, Collection[str]]]
) -> list[dict[str, KnownUtterance]]:
    """Return, per target with its voice and sentences, those utterances that are kept and still stored."""
    keys = [
        {_key(context, work, voice.version, text): text for text in dict.fromkeys(texts)}
        for work, voice, texts in works
    ]
    found = context.cache.recall(Kind.AUDIO, {key for of_one in keys for key in of_one})
    kept = {key: msgspec.convert(value, KeptUtterance) for key, value in found.items()}
    sounds = _sounds(context, {utterance.object for utterance in kept.values()})
    return [
        {
            text: KnownUtterance(each, Speech(sounds[each.object][each.first : each.past], each.rate_hz))
            for key, text in of_one.items()
            if (each := kept.get(key)) is not None and each.object in sounds
        }
        for of_one in keys
    ]


def reading_of_known(
    context: Context, reading: Reading, known: Mapping[str, KnownUtterance], native: Samples
) -> Reading | None:
    """Return a reading made of known utterances alone with its measures, None where together they are not acceptable.

    Word errors add up; what compares voices is the mean over the utterances' time. What costs nothing is measured anew.
    """
    parts = [(known[utterance.text].kept, utterance.end_s - utterance.start_s) for utterance in reading.utterances]
    counts = [len(words(utterance.text)) for utterance in reading.utterances]
    wrong = sum(kept.wer * count for (kept, _), count in zip(parts, counts, strict=True))
    measured = msgspec.structs.replace(
        reading,
        seed=parts[0][0].seed,
        wer=round(wrong / max(1, sum(counts)), 4),
        heard_text=" ".join(kept.heard_text for kept, _ in parts),
        similarity=_mean([(kept.similarity, length_s) for kept, length_s in parts]),
        pitch_distance_semitones=_mean([(kept.pitch_distance_semitones, length_s) for kept, length_s in parts]),
        mfcc_distance=_mean([(kept.mfcc_distance, length_s) for kept, length_s in parts]),
        snr_db=_rounded(snr_db(native, reading.rate_hz)),
        clipping_ratio=round(clipping_ratio(native), 6),
    )
    found = faults(measured, voice_kind=reading.voice_kind, **_limits(context))
    return None if found else measured


def learned_utterances(context: Context, work: Work, reading: Reading) -> list[Answer]:
    """Return what is to be kept of an accepted reading: nothing that was misheard in part.

    Of several utterances in a reading it is only known how many words of all were wrong. So they are kept where none
    was, and where what was heard falls apart into the utterances' own words.
    """
    texts = [utterance.text for utterance in reading.utterances]
    heard = [reading.heard_text] if len(texts) == 1 else apart(texts, reading.heard_text)
    if reading.faults or heard is None or (len(texts) > 1 and reading.wer > 0):
        return []
    return [
        work.answer(
            _key(context, work, reading.voice_version, utterance.text),
            Kind.AUDIO,
            KeptUtterance(
                object=reading.object, first=round(utterance.start_s * reading.rate_hz),
                past=round(utterance.end_s * reading.rate_hz), rate_hz=reading.rate_hz, seed=reading.seed,
                wer=reading.wer, heard_text=heard_text, similarity=reading.similarity,
                pitch_distance_semitones=reading.pitch_distance_semitones, mfcc_distance=reading.mfcc_distance,
            ),
            context.settings.audio_ttl_s,
        )
        for utterance, heard_text in zip(reading.utterances, heard, strict=True)
    ]  # fmt: skip


def apart(texts: Sequence[str], heard: str) -> list[str] | None:
    """Return what was heard of each text, where it holds the words of one after the other; None where it does not."""
    spoken = heard.split()
    found = []
    for text in texts:
        expected, taken, got = words(text), [], []
        while len(got) < len(expected) and spoken:
            taken.append(spoken.pop(0))
            got = words(" ".join(taken))
        if got != expected:
            return None
        found.append(" ".join(taken))
    return None if words(" ".join(spoken)) else found


def _key(context: Context, work: Work, voice_version: str, text: str) -> str:
    engines = context.engines
    return utterance_key(
        work.job.owner, text, work.of.language, voice_version, engines.synthesizer.identity().key,
        engines.transcriber.identity().key, _limits(context),
    )  # fmt: skip


def _limits(context: Context) -> dict[str, float]:
    return {name: getattr(context.settings, name) for name in LIMITS}


def _sounds(context: Context, names: Collection[str]) -> dict[str, Samples]:
    found = {}
    for name in sorted(names):
        with suppress(NotFound):  # its job was deleted, or lost its recording
            found[name] = samples_of(context.objects.get(name))
    return found


def _mean(weighted: Sequence[tuple[float | None, float]]) -> float | None:
    values = [(value, weight) for value, weight in weighted if value is not None]
    total = sum(weight for _, weight in values)
    if len(values) < len(weighted) or not total:
        return None
    return round(sum(value * weight for value, weight in values) / total, 4)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
