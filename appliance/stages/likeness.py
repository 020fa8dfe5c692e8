"""How much a reading sounds like the speaker of the message that it translates."""

import msgspec

from appliance.engines.protocols import Samples
from appliance.stages.context import Context
from appliance.stages.progress import Reading
from appliance.stages.speaker import embedding_of, speaker_of
from appliance.stages.work import Work
from appliance.voices.measures import mfcc_distance, pitch_distance_semitones, speaker_similarity


def likened(context: Context, work: Work, reading: Reading, spoken: Samples) -> Reading:
    """Return the reading, `spoken` at 16 kHz, with its distances to the message's speaker.

    A stock voice is compared with nobody: only voices that the speaker agreed to are.
    """
    if reading.voice_kind == "stock":
        return reading
    speaker = speaker_of(context, work)
    embedding = embedding_of(context, spoken)
    similarity = None
    if speaker.embedding is not None and embedding is not None:
        similarity = round(speaker_similarity(speaker.embedding, embedding), 4)
    return msgspec.structs.replace(
        reading,
        similarity=similarity,
        pitch_distance_semitones=_rounded(pitch_distance_semitones(speaker.samples, spoken)),
        mfcc_distance=_rounded(mfcc_distance(speaker.samples, spoken)),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
