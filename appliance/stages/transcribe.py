"""What follows from a transcription: the job's source text, kept for its owner, and a translation per language."""

import msgspec

from appliance.cache.keys import transcription_key
from appliance.cache.kinds import Kind
from appliance.engines.protocols import Transcription
from appliance.errors import NoSpeech
from appliance.jobs.documents import Source
from appliance.jobs.items import translate_key
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage
from appliance.languages import NAMES
from appliance.stages.context import Context
from appliance.stages.work import Work


def transcribed(context: Context, work: Work, heard: Transcription, elapsed_s: float, share_s: float) -> Outcome:
    """Return the outcome of what was heard, which makes every open target's translation runnable.

    It took the batch `elapsed_s`, of which `share_s` is this recording's. NoSpeech where nothing was heard: that fails
    the job.
    """
    if heard.no_speech or not heard.text.strip():
        raise NoSpeech
    source = Source(
        language=heard.language if heard.language in NAMES else heard.language.split("-")[0],
        text=heard.text,
        duration_s=heard.duration_s,
        confidence=round(heard.confidence, 4),
        language_probability=round(heard.language_probability, 4),
        transcription=msgspec.to_builtins(heard),
        transcriber=context.engines.transcriber.identity().key,
        elapsed_ms=round(1000 * elapsed_s, 1),
        engine_ms=round(1000 * share_s, 1),
    )
    key = transcription_key(
        work.job.owner, work.job.audio_sha256, work.job.request.source_language, source.transcriber
    )  # fmt: skip
    answer = work.answer(key, Kind.TRANSCRIPTION, source, context.settings.transcription_ttl_s)
    return Outcome(item=work.item, source=source, answers=[answer])


def heard_in_english(context: Context, work: Work, heard: Transcription, elapsed_s: float, share_s: float) -> Outcome:
    """Return the outcome of Whisper's own English for one target, which goes on to its translation stage."""
    if heard.no_speech or work.job.source is None:
        raise NoSpeech("Nothing was heard in the recording when it was translated to English.")
    progress = msgspec.structs.replace(
        work.progress,
        english=tuple(segment.text for segment in heard.segments),
        english_by=context.engines.transcriber.identity().key,
        sentence_spans_s=tuple((segment.start_s, segment.end_s) for segment in heard.segments),
        **work.progress.timed("whisper_translate", elapsed_s, share_s),
    )
    following = work.next(Stage.TRANSLATE, translate_key("en", work.of.language))
    return Outcome(item=work.item, target={"progress": progress}, following=following)
