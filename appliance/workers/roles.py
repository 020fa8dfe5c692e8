"""What a worker process may be for: roles, and the families of work that each takes."""

from collections.abc import Mapping

FAMILIES = ("hear", "translate", "synthesize", "finish")
"""The parts of batch keys before the colon."""

ROLES: Mapping[str, tuple[str, ...]] = {
    "all": FAMILIES,
    "whisper": ("hear", "translate", "finish"),
    "voice": ("synthesize",),
}
"""Listening and translating share CTranslate2 and one process; speaking has a runtime of its own (performance.md 6)."""

MAKES: Mapping[str, tuple[str, ...]] = {
    "hear": ("translate", "synthesize", "finish"),
    "translate": ("synthesize", "finish"),
    "synthesize": ("hear",),
    "finish": (),
}
"""Which families a batch may leave work for; transcription leads to translation, verification to the other two."""
ACCEPTED = ("hear", "translate")
"""Families that a new job may need first: translation where its recording is known."""
