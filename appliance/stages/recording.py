"""The recording a job came with, as samples."""

from appliance.audio.pcm import samples_of
from appliance.engines.protocols import Samples
from appliance.errors import AudioMissing
from appliance.stages.context import Context
from appliance.stages.work import Work


def source_samples(context: Context, work: Work) -> Samples:
    """Return the job's recording, 16 kHz mono float32; NotFound when it is no longer kept."""
    if work.job.audio is None or not work.job.audio.pcm:
        raise AudioMissing("The recording of this job is not kept any more.")
    return samples_of(context.objects.get(work.job.audio.pcm))
