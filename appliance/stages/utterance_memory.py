"""What need not be spoken and heard again: the owner's utterances of the last day, in the voice in force.

An utterance is kept once its reading was accepted, under everything that it depends on: its text, the voice's version,
the engine that spoke, the one that listened, the limits. What was heard goes to the cache; its sound is a part of the
reading's object, which stays as long as its job has a recording and goes with either.
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
from appliance.stages.likeness import likened
from appliance.stages.progress import Reading, uttered
from appliance.stages.work import Work
from appliance.voices.measures import to_speech_rate

LIMITS = ("max_wer", "min_similarity")


class KeptUtterance(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance as it is kept: where its sound is, and what was heard in the reading it was part of."""

    object: str
    first: int
    past: int
    """The samples of the object that are this utterance."""
    rate_hz: int
    seed: int
    wer: float
    heard_text: str


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
    context: Context, work: Work, reading: Reading, known: Mapping[str, KnownUtterance], samples: Samples
) -> Reading | None:
    """Return a reading made of known utterances alone with its measures, None where together they are not acceptable.

    `samples` are the reading's. What was heard is taken from the utterances, and word errors add up: that is the same
    for every message. All else is measured anew, on these samples and against the speaker of this message.
    """
    kept = [known[utterance.text].kept for utterance in reading.utterances]
    counts = [len(words(utterance.text)) for utterance in reading.utterances]
    wrong = sum(each.wer * count for each, count in zip(kept, counts, strict=True))
    native = uttered(reading, samples)
    heard = msgspec.structs.replace(
        reading,
        seed=kept[0].seed,
        wer=round(wrong / max(1, sum(counts)), 4),
        heard_text=" ".join(each.heard_text for each in kept),
        snr_db=_rounded(snr_db(native, reading.rate_hz)),
        clipping_ratio=round(clipping_ratio(native), 6),
    )
    measured = likened(context, work, heard, to_speech_rate(samples, reading.rate_hz))
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
                wer=reading.wer, heard_text=heard_text,
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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
