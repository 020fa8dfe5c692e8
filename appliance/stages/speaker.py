"""The speaker of a job's recording, as the encoder hears them; computed once for all of the job's languages."""

from dataclasses import dataclass

from appliance.engines.protocols import SPEECH_RATE_HZ, Samples
from appliance.errors import MeeshyError
from appliance.stages.context import Context
from appliance.stages.recording import source_samples
from appliance.stages.work import Work

SPEECH_FOR_EMBEDDING_S = 30.0
"""More of the recording than this does not make its speaker clearer, only slower to embed."""


@dataclass(frozen=True)
class Speaker:
    """The recording's speaker: embedding (None when too short), and the sound for what the encoder does not see."""

    embedding: Samples | None
    samples: Samples


def speaker_of(context: Context, work: Work) -> Speaker:
    """Return the speaker of a job's recording."""

    def compute() -> Speaker:
        samples = source_samples(context, work)[: int(SPEECH_FOR_EMBEDDING_S * SPEECH_RATE_HZ)]
        return Speaker(embedding_of(context, samples), samples)

    what = f"speaker:{context.engines.encoder.identity().key}"
    speaker, _ = context.references.recall(work.job.owner, work.job.audio_sha256, what, compute)
    return speaker


def embedding_of(context: Context, samples: Samples) -> Samples | None:
    """Return the unit embedding of 16 kHz samples, None where they are too short for one."""
    result = context.engines.encoder.embed([samples])[0]
    return None if isinstance(result, MeeshyError) else result
