"""Whether two embeddings are of one person: the gate in front of every sample that joins a profile."""

from appliance.engines.protocols import Samples
from appliance.voices.measures import speaker_similarity

THRESHOLD = 0.75


def same_speaker(one: Samples, other: Samples, *, threshold: float = THRESHOLD) -> bool:
    """Return whether two embeddings of one encoder are similar enough to be of one person."""
    return speaker_similarity(one, other) >= threshold
