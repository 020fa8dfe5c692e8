"""A profile as its owner sees it, with what was agreed to, what was sent, and how it grew."""

from typing import Annotated

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from appliance.errors import NotFound
from appliance.jobs.voice_choice import WHY_UNUSED
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.voice_tables import voice_samples, voice_versions
from appliance.voices.profile_documents import (
    Challenge,
    Consent,
    Measures,
    ProfileState,
    SampleFault,
    SampleKind,
    SampleState,
    VersionState,
)
from appliance.voices.profile_rows import profile_of, use_of
from appliance.voices.sealing import ProfileKey, Vault


class ChallengeOut(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be read aloud, and until when."""

    statement: Annotated[str, Meta(description="The whole text to read, phrase included.")]
    phrase: Annotated[str, Meta(description="The words at its end that nobody could know before.")]
    language: Annotated[str, Meta(description="Of the statement; English where there is none in the language asked.")]
    expires_s: float


class ConsentOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to."""

    subject: str
    purpose: str
    languages: list[str]
    statement: str
    statement_language: str
    given_s: float | None
    expires_s: Annotated[float | None, Meta(description="Null until consent is given.")]
    word_error_rate: Annotated[float | None, Meta(description="Of what was heard against the statement.")]


class SampleOut(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was sent for the profile."""

    sample_id: str
    kind: SampleKind
    origin: Annotated[str, Meta(description="`upload`, or `translation` for a translated recording.")]
    state: SampleState
    duration_s: float
    created_s: float
    judged_s: float | None
    measures: Measures | None
    reasons: Annotated[list[SampleFault], Meta(description="Why it was refused or set aside, in words.")]


class VersionOut(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the voice."""

    version: int
    state: VersionState
    level: str | None
    clean_speech_s: float
    stability: float
    similarity: Annotated[float | None, Meta(description="To a sample that it was not made from.")]
    similarity_before: Annotated[float | None, Meta(description="Of the version in force before, to the same sample.")]
    created_s: float


class ProfileOut(msgspec.Struct, frozen=True, kw_only=True):
    """A voice profile."""

    profile_id: str
    state: ProfileState
    usable: Annotated[bool, Meta(description="Whether it speaks translations now.")]
    why_not: Annotated[str | None, Meta(description="Why it does not, in words.")]
    version: Annotated[int, Meta(description="The version in force; 0 before the first.")]
    level: Annotated[
        str | None, Meta(description="`basic` (10 s of clean speech), `refined` (50 s), `expert` (180 s).")
    ]
    clean_speech_s: float
    created_s: float
    challenge: Annotated[ChallengeOut | None, Meta(description="While consent is awaited.")]
    consent: ConsentOut
    samples: Annotated[list[SampleOut], Meta(description="Oldest first.")]
    versions: Annotated[list[VersionOut], Meta(description="Oldest first: how the voice grew.")]


def view_profile(database: Database, vault: Vault, owner: Owner) -> ProfileOut:
    """Return the owner's profile, or raise NotFound."""
    with database.read() as connection:
        now_s = database.now_s(connection)
        profile = profile_of(connection, owner)
        if profile is None:
            raise NotFound("There is no voice profile.")
        samples = connection.execute(_of(voice_samples, profile).order_by(voice_samples.c.created_s)).all()
        versions = connection.execute(_of(voice_versions, profile).order_by(voice_versions.c.number)).all()
    key = vault.key(owner, profile.id, profile.key_object)
    _, unused = use_of(profile, profile.languages, now_s)
    return ProfileOut(
        profile_id=profile.id,
        state=ProfileState(profile.state),
        usable=unused is None,
        why_not=None if unused is None else WHY_UNUSED[unused],
        version=profile.version,
        level=profile.level,
        clean_speech_s=round(profile.clean_speech_s, 3),
        created_s=profile.created_s,
        challenge=_challenge(key, profile),
        consent=_consent(key, profile),
        samples=[_sample(row) for row in samples],
        versions=[_version(row) for row in versions],
    )


def view_sample(database: Database, owner: Owner, sample_id: str) -> SampleOut:
    """Return one of the owner's samples, or raise NotFound."""
    with database.read() as connection:
        profile = profile_of(connection, owner)
        row = None
        if profile is not None:
            row = connection.execute(_of(voice_samples, profile).where(voice_samples.c.id == sample_id)).first()
    if row is None:
        raise NotFound("There is no such sample.")
    return _sample(row)


def consent_of(key: ProfileKey, profile: sa.Row) -> Consent:
    """Return what was agreed to, or is to be."""
    return msgspec.json.decode(key.open("consent", profile.id, profile.consent), type=Consent)


def challenge_of(key: ProfileKey, profile: sa.Row) -> Challenge:
    """Return what has to be read aloud."""
    return msgspec.json.decode(key.open("challenge", profile.challenge_id, profile.challenge), type=Challenge)


def _of(table: sa.Table, profile: sa.Row) -> sa.Select:
    return sa.select(table).where(table.c.profile_id == profile.id)


def _challenge(key: ProfileKey, profile: sa.Row) -> ChallengeOut | None:
    if profile.challenge is None:
        return None
    challenge = challenge_of(key, profile)
    return ChallengeOut(
        statement=challenge.statement,
        phrase=challenge.phrase,
        language=challenge.language,
        expires_s=profile.challenge_expires_s,
    )


def _consent(key: ProfileKey, profile: sa.Row) -> ConsentOut:
    consent = consent_of(key, profile)
    return ConsentOut(
        subject=consent.subject,
        purpose=consent.purpose,
        languages=list(consent.languages),
        statement=consent.statement,
        statement_language=consent.statement_language,
        given_s=consent.given_s,
        expires_s=profile.consent_expires_s,
        word_error_rate=consent.word_error_rate,
    )


def _sample(row: sa.Row) -> SampleOut:
    return SampleOut(
        sample_id=row.id,
        kind=SampleKind(row.kind),
        origin=row.origin,
        state=SampleState(row.state),
        duration_s=round(row.duration_s, 3),
        created_s=row.created_s,
        judged_s=row.judged_s,
        measures=None if row.measures is None else msgspec.convert(row.measures, Measures),
        reasons=msgspec.convert(row.faults, list[SampleFault]),
    )


def _version(row: sa.Row) -> VersionOut:
    return VersionOut(
        version=row.number,
        state=VersionState(row.state),
        level=row.level,
        clean_speech_s=round(row.clean_speech_s, 3),
        stability=round(row.stability, 4),
        similarity=None if row.similarity is None else round(row.similarity, 4),
        similarity_before=None if row.similarity_before is None else round(row.similarity_before, 4),
        created_s=row.created_s,
    )
