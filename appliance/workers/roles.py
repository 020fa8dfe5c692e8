"""What a worker process may be for: roles, and the families of work that each takes."""

from collections.abc import Mapping

from appliance.errors import CommandFailed
from appliance.jobs.items import FAMILIES as FAMILIES

BATCH_LIMITS: Mapping[str, int] = {"hear": 8, "translate": 50, "synthesize": 4, "finish": 8, "enrol": 2}

ROLES: Mapping[str, tuple[str, ...]] = {
    "all": FAMILIES,
    "whisper": ("hear", "translate", "finish", "enrol"),
    "voice": ("synthesize",),
}
"""Listening and translating share CTranslate2 and one process; speaking has a runtime of its own."""

SHARED_ROLES = ("whisper",)
"""Roles whose slots may share a process and its weights: CTranslate2 takes calls from several threads, the
synthesizer's phonemizer does not."""

MAKES: Mapping[str, tuple[str, ...]] = {
    "hear": ("translate", "synthesize", "finish"),
    "translate": ("synthesize", "finish"),
    "synthesize": ("hear", "finish"),
    "finish": (),
    "enrol": ("synthesize",),
}
"""Which families a batch may leave work for: transcription for translation, verification for the other two, speech that
was known for finishing, a judged sample for its profile's voices."""
ACCEPTED = ("hear", "translate")
"""Families that a new job may need first: translation where its recording is known."""


def limits_of(families: Mapping[str, int], text: str) -> dict[str, int]:
    """Return the batch limits of some families, changed by `family=number,…`; CommandFailed where that is wrong."""
    limits = dict(families)
    for entry in filter(None, (part.strip() for part in text.split(","))):
        family, _, number = entry.partition("=")
        if family not in limits or not number.isdigit() or int(number) < 1:
            raise CommandFailed(f"'{entry}' is no batch limit: a family of {', '.join(limits)}, '=', a number from 1.")
        limits[family] = int(number)
    return limits


def limits_of_role(role: str, site: str, given: str = "") -> dict[str, int]:
    """Return the batch limits of a role: the site's, which name families of any role, changed by what it was given.

    Both are `family=number,…`; CommandFailed where one names a family that there is not, or, given, another role's.
    """
    of_site = limits_of(BATCH_LIMITS, site)
    return limits_of({family: of_site[family] for family in ROLES[role]}, given)
