"""Speaking a batch: every sentence of every target in one call, then joined with the speaker's own pauses."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from appliance.audio.pcm import pcm_of
from appliance.cache.keys import owner_digest
from appliance.engines.protocols import Samples, SpeakRequest, Speech, Voice
from appliance.errors import MeeshyError, TextUnspeakable
from appliance.jobs.items import ClaimedItem, hear_key
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.receipts.receipt import Utterance
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.progress import Reading
from appliance.stages.recording import source_samples
from appliance.stages.spans import Span
from appliance.stages.work import Work, load_work

SHORTEST_PAUSE_S = 0.15
LONGEST_PAUSE_S = 0.8
"""Pauses between sentences follow the recording within these bounds: a translation should not wait through a cough."""


@dataclass(frozen=True)
class _Script:
    """What one target has to say, in whose voice."""

    work: Work
    sentences: tuple[str, ...]
    spans_s: tuple[Span, ...]
    voice: Voice
    voice_known: bool
    seed: int

    def requests(self) -> list[SpeakRequest]:
        return [SpeakRequest(text, self.work.of.language, self.voice, self.seed) for text in self.sentences]


def synthesize(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of synthesize items; each outcome is written under its item's own fence."""
    started_s = context.clock.monotonic_s()
    with gathered(context) as outcomes:
        scripts = []
        for work in load_work(context, items):
            try:
                scripts.append(_script(context, work))
            except MeeshyError as error:
                outcomes.fail(work, error)
        outcomes.write()
        if not scripts:
            return
        requests = [request for script in scripts for request in script.requests()]
        spoken = iter(context.engines.synthesizer.speak(requests))
        for script in scripts:
            results = [next(spoken) for _ in script.sentences]
            elapsed_s = context.clock.monotonic_s() - started_s
            error = next((result for result in results if isinstance(result, MeeshyError)), None)
            if error is not None:
                outcomes.fail(script.work, error)
            else:
                speeches = [result for result in results if isinstance(result, Speech)]
                reading, pcm = _reading(context, script, speeches)
                outcomes.add(
                    _outcome(script, reading, elapsed_s), stores={reading.object: pcm},
                    own=(script.work.job.owner, reading.object),
                )  # fmt: skip


def _script(context: Context, work: Work) -> _Script:
    translation = work.of.translation or {}
    pairs = [
        (sentence["text"], span)
        for sentence, span in zip(translation.get("sentences", []), work.progress.sentence_spans_s, strict=True)
        if sentence["text"].strip()
    ]
    if not pairs:
        raise TextUnspeakable("The translation is empty.")
    voice, known = _voice(context, work)
    # A later reading finds the voice that this target's first one made: nothing was saved for it then.
    known = known and not work.progress.readings
    return _Script(
        work, tuple(text for text, _ in pairs), tuple(span for _, span in pairs), voice, known,
        seed=len(work.progress.readings),
    )  # fmt: skip


def _voice(context: Context, work: Work) -> tuple[Voice, bool]:
    synthesizer, language = context.engines.synthesizer, work.of.language
    if work.job.request.voice_in_force == "stock":
        return synthesizer.stock_voice(language), False
    of_speaker = (work.job.owner, work.job.audio_sha256)
    voice, known = context.references.recall(
        *of_speaker,
        f"voice:{synthesizer.identity().key}:{language}",
        lambda: synthesizer.match_voice([source_samples(context, work)], language),
    )
    last = work.progress.readings[-1] if work.progress.readings else None
    clearer, refine = context.engines.clearer_voice, context.engines.refine_voice
    if last is None:
        return voice, known
    if last.wer > context.settings.max_wer and clearer is not None:
        return clearer(voice, language), False
    if _too_unlike(last, context) and refine is not None:
        return context.references.recall(
            *of_speaker,
            f"refined:{synthesizer.identity().key}:{language}",
            lambda: refine(source_samples(context, work), language, voice),
        )
    return voice, known


def _too_unlike(reading: Reading, context: Context) -> bool:
    return reading.similarity is not None and reading.similarity < context.settings.min_similarity


def _reading(context: Context, script: _Script, speeches: Sequence[Speech]) -> tuple[Reading, bytes]:
    """Return what is known of a reading, and its samples as they are stored."""
    samples, utterances = _joined(script, speeches)
    pcm = pcm_of(samples)
    # Named by the target too: two targets may read the same text in the same voice, and each drops its own readings.
    owner, target_id = script.work.job.owner, script.work.of.id
    name = f"speech/{owner_digest(owner)}/{target_id}-{hashlib.sha256(pcm).hexdigest()}.s16"
    rate_hz = speeches[0].rate_hz
    reading = Reading(
        object=name,
        rate_hz=rate_hz,
        duration_s=round(len(samples) / rate_hz, 3),
        seed=script.seed,
        voice_kind=script.voice.kind,
        voice_version=script.voice.version,
        synthesizer=context.engines.synthesizer.identity().key,
        utterances=tuple(utterances),
        faults=tuple(fault for speech in speeches for fault in speech.faults),
    )
    return reading, pcm


def _outcome(script: _Script, reading: Reading, elapsed_s: float) -> Outcome:
    work = script.work
    progress = msgspec.structs.replace(
        work.progress,
        readings=(*work.progress.readings, reading),
        stage_ms=work.progress.timed("synthesize", elapsed_s),
        cached_stages=(*work.progress.cached_stages, *(("voice",) if script.voice_known else ())),
    )
    return Outcome(
        item=work.item,
        target={"progress": progress, "state": TargetState.VERIFYING},
        following=work.next(Stage.VERIFY, hear_key(reading.duration_s)),
    )


def _joined(script: _Script, speeches: Sequence[Speech]) -> tuple[Samples, list[Utterance]]:
    rate_hz = speeches[0].rate_hz
    parts: list[Samples] = []
    utterances = []
    length = 0
    for index, (text, span, speech) in enumerate(zip(script.sentences, script.spans_s, speeches, strict=True)):
        if index:
            pause_s = min(max(span[0] - script.spans_s[index - 1][1], SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
            parts.append(np.zeros(round(pause_s * rate_hz), np.float32))
            length += len(parts[-1])
        parts.append(speech.samples)
        utterances.append(
            Utterance(
                text=text, start_s=round(length / rate_hz, 3),
                end_s=round((length + len(speech.samples)) / rate_hz, 3), source_start_s=span[0], source_end_s=span[1],
            )
        )  # fmt: skip
        length += len(speech.samples)
    return np.concatenate(parts), utterances
