"""Writing a target's receipt from what its stages measured."""

from appliance.audio.measures import duration_ratio
from appliance.receipts.receipt import Attempt, Engines, Receipt, VoiceUsed
from appliance.stages.context import Context
from appliance.stages.progress import Progress, Reading
from appliance.stages.router import Known, skipped
from appliance.stages.work import Work

MATCHED_NOTICE = "Stock voices mixed to resemble the speaker; the speaker's own voice is not cloned."


def write_receipt(
    context: Context, work: Work, progress: Progress, reading: Reading, *, loudness_lufs: float | None
) -> Receipt:
    """Return the receipt of a target whose chosen reading is given; `loudness_lufs` is of the finished audio."""
    source, translation = work.job.source, work.of.translation or {}
    if source is None:
        raise LookupError("a spoken target has a source")
    transcriber = context.engines.transcriber.identity().key
    return Receipt(
        verdict="needs_review" if reading.faults else "accepted",
        reasons=reading.faults,
        wer=reading.wer,
        heard_text=reading.heard_text,
        similarity=reading.similarity,
        pitch_distance_semitones=reading.pitch_distance_semitones,
        mfcc_distance=reading.mfcc_distance,
        translation_score=translation.get("score"),
        back_translation_chrf=progress.back_translation_chrf,
        transcription_confidence=source.confidence,
        duration_ratio=round(duration_ratio(reading.duration_s, _speech_s(work)), 4),
        snr_db=reading.snr_db,
        clipping_ratio=reading.clipping_ratio,
        loudness_lufs=None if loudness_lufs is None else round(loudness_lufs, 2),
        route=translation.get("route", "none"),
        quality=translation.get("quality", "standard"),
        engines=Engines(
            transcriber=source.transcriber,
            translators=tuple(translation.get("engines", ())),
            synthesizer=reading.synthesizer,
            speaker_encoder=context.engines.encoder.identity().key,
            verifier=transcriber,
        ),
        voice=VoiceUsed(
            kind=reading.voice_kind, version=reading.voice_version, notice=_notice(reading),
            profile_version=reading.profile_version,
        ),
        seed=reading.seed,
        attempts=tuple(
            Attempt(
                seed=each.seed, voice_version=each.voice_version, wer=each.wer, similarity=each.similarity,
                heard_text=each.heard_text,
            )
            for each in progress.readings
        ),
        stage_ms={"transcribe": 0.0 if source.cached else source.elapsed_ms, **progress.stage_ms},
        cached_stages=skipped(Known(transcription=source.cached)) + progress.cached_stages,
        utterances=reading.utterances,
    )  # fmt: skip


def _notice(reading: Reading) -> str | None:
    """Return what follows from the audio alone: a cached receipt answers requests that attested other things."""
    said = [reading.notice, MATCHED_NOTICE if reading.voice_kind == "matched" else None]
    return " ".join(filter(None, said)) or None


def _speech_s(work: Work) -> float:
    """Return the seconds from the first to the last sound of speech in the recording."""
    segments = work.job.source.transcription["segments"] if work.job.source else []
    return segments[-1]["end_s"] - segments[0]["start_s"] if segments else 0.0
