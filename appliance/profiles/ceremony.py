"""Opening the consent ceremony: a profile that is nobody's voice yet, and what its owner has to read aloud."""

import msgspec
import sqlalchemy as sa

from appliance.cache.keys import digest
from appliance.errors import IdempotencyConflict, VoiceProfileExists
from appliance.jobs.items import new_id
from appliance.jobs.locks import hold_names
from appliance.owner import Owner
from appliance.profiles.folder import folder_of
from appliance.settings import Settings
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.voice_tables import voice_profiles
from appliance.voices.profile_documents import Challenge, Consent, ProfileState
from appliance.voices.profile_rows import profile_of
from appliance.voices.sealing import ProfileKey, Vault
from appliance.voices.site_key import agreed_key
from appliance.voices.statements import new_phrase, statement, statement_language

CHALLENGE_S = 600.0
"""How long a phrase may be read: reading takes half a minute, finding a quiet room a few."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What consent is asked for."""

    subject: str
    purpose: str
    languages: tuple[str, ...]
    valid_s: float
    statement_language: str


def open_ceremony(
    database: Database, vault: Vault, settings: Settings, owner: Owner, wanted: Wanted, idempotency_key: str | None
) -> None:
    """Make the owner's profile, or give the one that still awaits consent another phrase.

    A repeated idempotency key changes nothing. Raises VoiceProfileExists, IdempotencyConflict, VoiceKeyUnusable.
    """
    asked = digest("ceremony", wanted)
    with database.write() as connection:
        now_s = database.now_s(connection)
        # Of two first requests at once, the second sees the first one's profile.
        hold_names(connection, [digest("voice profile of", owner.application_id, owner.user_id)])
        profile = profile_of(connection, owner, lock="change")
        if profile is not None and idempotency_key is not None and profile.idempotency_key == idempotency_key:
            if profile.request_sha256 != asked:
                raise IdempotencyConflict
            return
        if profile is not None and profile.state != ProfileState.AWAITING_CONSENT:
            raise VoiceProfileExists
        # Also for another phrase: nothing is sealed on a host whose key is not the site's.
        site = agreed_key(connection, settings, now_s)
        profile_id = new_id("voice") if profile is None else profile.id
        folder = folder_of(owner, profile_id)
        name = vault.make(site, owner, profile_id, folder) if profile is None else profile.key_object
        columns = {
            **_challenged(vault.key(owner, profile_id, name), profile_id, wanted, now_s),
            "languages": list(wanted.languages),
            "idempotency_key": idempotency_key,
            "request_sha256": asked,
        }
        if profile is None:
            columns |= {
                "id": profile_id, "application_id": owner.application_id, "user_id": owner.user_id,
                "state": ProfileState.AWAITING_CONSENT, "key_object": name, "created_s": now_s,
            }  # fmt: skip
            connection.execute(sa.insert(voice_profiles).values(**columns))
        else:
            connection.execute(sa.update(voice_profiles).where(voice_profiles.c.id == profile_id).values(**columns))
        record(connection, owner, "voice_consent_asked", profile_id, now_s)


def _challenged(key: ProfileKey, profile_id: str, wanted: Wanted, now_s: float) -> dict[str, object]:
    """Return the columns of a fresh challenge and of what it asks consent for."""
    language = statement_language(wanted.statement_language)
    phrase = new_phrase(language)
    text = statement(language, subject=wanted.subject, purpose=wanted.purpose, phrase=phrase)
    challenge_id = new_id("phrase")
    challenge = Challenge(statement=text, phrase=phrase, language=language)
    consent = Consent(
        subject=wanted.subject,
        purpose=wanted.purpose,
        languages=wanted.languages,
        valid_s=wanted.valid_s,
        statement=text,
        statement_language=language,
    )
    return {
        "consent": key.seal("consent", profile_id, msgspec.json.encode(consent)),
        "challenge": key.seal("challenge", challenge_id, msgspec.json.encode(challenge)),
        "challenge_id": challenge_id,
        "challenge_expires_s": now_s + CHALLENGE_S,
    }
