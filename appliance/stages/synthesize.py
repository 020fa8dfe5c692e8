"""Speaking a batch: every sentence of every target in one call, then joined with the speaker's own pauses."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from appliance.audio.pcm import pcm_of
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.engines.protocols import Samples, SpeakRequest, Speech, Voice
from appliance.engines.warm import VOICE
from appliance.errors import MeeshyError, TextUnspeakable
from appliance.jobs.items import FINISH_KEY, ClaimedItem, hear_key
from appliance.jobs.lookups import Lookup
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.receipts.receipt import Utterance
from appliance.stages.conditioning import condition
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.profile_voice import profile_voice
from appliance.stages.progress import Reading
from appliance.stages.recording import source_samples
from appliance.stages.router import SPEAKING, Known, after_speech, skipped
from appliance.stages.shares import shares_s
from appliance.stages.spans import Span
from appliance.stages.speech_shelf import KeptSpeech, SpokenIn
from appliance.stages.utterance_memory import KnownUtterance, reading_of_known, remember_utterances
from appliance.stages.work import Work, load_work

SHORTEST_PAUSE_S = 0.15
LONGEST_PAUSE_S = 0.8
"""Pauses between sentences follow the recording within these bounds: a translation should not wait through a cough."""


@dataclass(frozen=True)
class _Chosen:
    """The voice of a reading, and where it comes from."""

    voice: Voice
    known: bool
    """Whether nothing had to be computed for it."""
    profile_version: int | None = None
    notice: str | None = None


@dataclass(frozen=True)
class _Script:
    """What one target has to say, in whose voice."""

    work: Work
    sentences: tuple[str, ...]
    spans_s: tuple[Span, ...]
    chosen: _Chosen
    seed: int
    voice_s: float
    """How long its voice took to be had."""
    known: Mapping[str, KnownUtterance] = field(default_factory=dict)
    """Sentences that were spoken before and heard to be right; none for another reading, which is to differ."""
    ahead: Mapping[str, Speech] = field(default_factory=dict)
    """Sentences that were spoken ahead in the profile's voice, and are heard now."""

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(text for text in self.sentences if text not in self.known)

    @property
    def voice(self) -> Voice:
        return self.chosen.voice

    def requests(self) -> list[SpeakRequest]:
        return [
            SpeakRequest(text, self.work.of.language, self.voice, self.seed)
            for text in self.unknown
            if text not in self.ahead
        ]

    def made_before(self, text: str) -> Speech | None:
        return self.known[text].speech if text in self.known else self.ahead.get(text)

    def lookups(self) -> tuple[Lookup, ...]:
        if self.seed:
            return ()
        missed = len(self.unknown)
        found = [Lookup(Kind.AUDIO, len(self.sentences) - missed, missed)]
        if self.chosen.profile_version is not None:
            found.append(Lookup(Kind.CONDITIONING, int(self.chosen.known), int(not self.chosen.known)))
        return tuple(found)


def synthesize(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of synthesize items; each outcome is written under its item's own fence.

    Voices of profiles are refined here too, by the engine that speaks with them.
    """
    if items[0].stage is Stage.CONDITION:
        condition(context, items)
        return
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
        scripts = _recalled(context, scripts)
        for script, results, share_s in _spoken(context, scripts):
            elapsed_s = context.clock.monotonic_s() - started_s
            error = next((result for result in results if isinstance(result, MeeshyError)), None)
            if error is not None:
                outcomes.fail(script.work, error)
            else:
                speeches = [result for result in results if isinstance(result, Speech)]
                reading, samples = _reading(context, script, speeches)
                outcome = _outcome(context, script, reading, samples, elapsed_s, script.voice_s + share_s)
                stores = {reading.object: pcm_of(samples)}
                outcomes.add(outcome, stores=stores, own=(script.work.job.owner, reading.object))


def _spoken(
    context: Context, scripts: Sequence[_Script]
) -> Iterator[tuple[_Script, list[Speech | MeeshyError], float]]:
    """Yield each script with its utterances or errors, and the seconds that the synthesizer worked for it."""
    requests = [request for script in scripts for request in script.requests()]
    started_s = context.clock.monotonic_s()
    if requests:
        context.models.used_warm(VOICE)
    spoken = iter(context.engines.synthesizer.speak(requests) if requests else ())
    characters = [sum(len(request.text) for request in script.requests()) for script in scripts]
    own_s = shares_s(context.clock.monotonic_s() - started_s, characters)
    for script, share_s in zip(scripts, own_s, strict=True):
        yield script, [script.made_before(text) or next(spoken) for text in script.sentences], share_s


def _recalled(context: Context, scripts: Sequence[_Script]) -> list[_Script]:
    """Return the scripts with what is known of them, one look for all."""
    first = [script for script in scripts if script.seed == 0]
    found = remember_utterances(context, [(script.work, script.voice, script.sentences) for script in first])
    known = {script.work.item.id: utterances for script, utterances in zip(first, found, strict=True)}
    recalled = [replace(script, known=known.get(script.work.item.id, {})) for script in scripts]
    spoken = KeptSpeech(context).take([_perhaps_ahead(script) for script in recalled])
    return [replace(script, ahead=ahead) for script, ahead in zip(recalled, spoken, strict=True)]


def _perhaps_ahead(script: _Script) -> tuple[SpokenIn, list[str]]:
    """Return the voice of a script with the sentences that may have been spoken ahead in it."""
    profile, work = script.work.job.request.profile, script.work
    if profile is None or script.chosen.profile_version is None or script.seed:
        return SpokenIn(work.job.owner, "", script.voice.version, work.of.language), []
    spoken_in = SpokenIn(work.job.owner, profile.id, script.voice.version, work.of.language)
    return spoken_in, list(dict.fromkeys(script.unknown))


def _script(context: Context, work: Work) -> _Script:
    translation = work.of.translation or {}
    pairs = [
        (sentence["text"], span)
        for sentence, span in zip(translation.get("sentences", []), work.progress.sentence_spans_s, strict=True)
        if sentence["text"].strip()
    ]
    if not pairs:
        raise TextUnspeakable("The translation is empty.")
    started_s = context.clock.monotonic_s()
    chosen = _chosen(context, work)
    return _Script(
        work, tuple(text for text, _ in pairs), tuple(span for _, span in pairs), chosen,
        seed=len(work.progress.readings), voice_s=context.clock.monotonic_s() - started_s,
    )  # fmt: skip


def _chosen(context: Context, work: Work) -> _Chosen:
    request, language = work.job.request, work.of.language
    if request.profile is None or request.voice_in_force(language) != "profile":
        return _Chosen(*_voice(context, work))
    found = profile_voice(context, work, request.profile)
    if found.voice is None:
        return _Chosen(*_voice(context, work), notice=found.notice)
    voice, known = found.voice, found.known
    last = work.progress.readings[-1] if work.progress.readings else None
    if last is not None and last.wer > context.settings.max_wer and context.engines.clearer_voice is not None:
        voice, known = context.engines.clearer_voice(voice, language), False
    return _Chosen(voice, known, profile_version=request.profile.version)


def _voice(context: Context, work: Work) -> tuple[Voice, bool]:
    """Return the voice without a profile: a stock voice, or the recording's own speaker where that was attested."""
    synthesizer, language = context.engines.synthesizer, work.of.language
    if work.job.request.voice_without_profile == "stock":
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
            lambda: refine(source_samples(context, work), language, voice).voice,
        )
    return voice, known


def _too_unlike(reading: Reading, context: Context) -> bool:
    return reading.similarity is not None and reading.similarity < context.settings.min_similarity


def _reading(context: Context, script: _Script, speeches: Sequence[Speech]) -> tuple[Reading, Samples]:
    """Return what is known of a reading, and its samples."""
    samples, utterances = _joined(script, speeches)
    # Named by the target too: two targets may read the same text in the same voice, and each drops its own readings.
    owner, target_id = script.work.job.owner, script.work.of.id
    name = f"speech/{owner_digest(owner)}/{target_id}-{hashlib.sha256(pcm_of(samples)).hexdigest()}.s16"
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
        profile_version=script.chosen.profile_version,
        notice=script.chosen.notice,
        faults=tuple(fault for speech in speeches for fault in speech.faults),
    )
    return reading, samples


def _outcome(
    context: Context, script: _Script, reading: Reading, samples: Samples, elapsed_s: float, engine_s: float
) -> Outcome:
    work = script.work
    heard = None
    if not script.unknown:
        heard = reading_of_known(context, work, reading, script.known, samples)
    known = Known(
        # A later reading finds the voice that this target's first one made: nothing was saved for it then.
        voice=script.chosen.known and not work.progress.readings,
        spoken=not script.requests(),
        speech=heard is not None,
    )
    reading = heard or reading
    progress = msgspec.structs.replace(
        work.progress,
        readings=(*work.progress.readings, reading),
        **work.progress.timed("synthesize", elapsed_s, engine_s),
        # What this reading needed made is not saved any more, whatever an earlier one found.
        cached_stages=(*(step for step in work.progress.cached_stages if step not in SPEAKING), *skipped(known)),
    )
    if after_speech(known) is Stage.FINISH:
        state, following = TargetState.FINISHING, work.next(Stage.FINISH, FINISH_KEY)
    else:
        state, following = TargetState.VERIFYING, work.next(Stage.VERIFY, hear_key(reading.duration_s))
    return Outcome(
        item=work.item, target={"progress": progress, "state": state}, following=following, lookups=script.lookups()
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
