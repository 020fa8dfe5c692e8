"""The versions of a profile: what a sample makes of the one in force, measured before it takes its place.

A version is measured on a sample that its reference does not hold, beside the version in force before. The one that is
worse there is rolled back at once: it stays in the list, and its sample is set aside.
"""

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from appliance.engines.protocols import Samples
from appliance.jobs.items import new_id
from appliance.storage.audit import record
from appliance.storage.voice_tables import voice_profiles, voice_samples, voice_versions
from appliance.voices.growth import Sample, level, reference, stability, updated, worse
from appliance.voices.profile_documents import SampleState, VersionState
from appliance.voices.profile_rows import owner_of
from appliance.voices.sealing import ProfileKey


def next_version(
    connection: sa.Connection,
    profile: sa.Row,
    key: ProfileKey,
    kept: Sequence[Sample],
    this: Sample,
    before: Samples | None,
    now_s: float,
) -> bool:
    """Add the version that a sample makes, and return whether it is in force."""
    samples = [*kept, this]
    embedding = this.embedding if before is None else updated(before, this.embedding)
    chosen = reference(samples)
    steady = stability(samples)
    reached = level(samples, steady)
    held_out = _held_out(kept, chosen)
    was = now = None
    if held_out is not None and before is not None:
        was, now = float(np.dot(before, held_out.embedding)), float(np.dot(embedding, held_out.embedding))
    good = was is None or now is None or not worse(was, now)
    number = _last_number(connection, profile) + 1
    version_id = new_id("version")
    spoken_s = sum(sample.speech_s for sample in samples)
    if good:
        _change_version(connection, profile, VersionState.SUPERSEDED)
        grown = sa.update(voice_profiles).where(voice_profiles.c.id == profile.id)
        connection.execute(grown.values(version=number, level=reached, clean_speech_s=spoken_s))
    connection.execute(
        sa.insert(voice_versions).values(
            id=version_id, profile_id=profile.id, number=number,
            state=VersionState.IN_FORCE if good else VersionState.ROLLED_BACK,
            level=reached, clean_speech_s=spoken_s, stability=steady, similarity=now, similarity_before=was,
            embedding=key.seal("version", f"{profile.id}:{number}", vector_bytes(embedding)),
            reference_ids=[sample.id for sample in chosen], created_s=now_s,
        )
    )  # fmt: skip
    action = "voice_version_made" if good else "voice_version_rolled_back"
    record(connection, owner_of(profile), action, version_id, now_s, number=number, similarity=now, before=was)
    return good


def kept_samples(connection: sa.Connection, profile: sa.Row, key: ProfileKey) -> list[Sample]:
    """Return the accepted samples, oldest first."""
    rows = connection.execute(
        sa.select(voice_samples)
        .where(voice_samples.c.profile_id == profile.id, voice_samples.c.state == SampleState.ACCEPTED)
        .order_by(voice_samples.c.judged_s, voice_samples.c.id)
    ).all()
    return [
        Sample(
            id=row.id,
            embedding=_vector(key.open("embedding", row.id, row.embedding)),
            **{name: row.measures[name] for name in ("speech_s", "snr_db", "clipping_ratio", "bandwidth_hz")},
        )
        for row in rows
    ]


def version_embedding(connection: sa.Connection, profile: sa.Row, key: ProfileKey, number: int) -> Samples | None:
    """Return the unit embedding of one version of a profile, None where there is no such version."""
    box = connection.scalar(
        sa.select(voice_versions.c.embedding).where(
            voice_versions.c.profile_id == profile.id, voice_versions.c.number == number
        )
    )
    return None if box is None else _vector(key.open("version", f"{profile.id}:{number}", box))


def embedding_in_force(connection: sa.Connection, profile: sa.Row, key: ProfileKey) -> Samples | None:
    """Return the unit embedding of the version in force, None before the first."""
    return version_embedding(connection, profile, key, profile.version) if profile.version else None


def vector_bytes(embedding: Samples) -> bytes:
    """Return an embedding as it is sealed: little-endian float32."""
    return np.ascontiguousarray(embedding, dtype="<f4").tobytes()


def _held_out(kept: Sequence[Sample], chosen: Sequence[Sample]) -> Sample | None:
    """Return the newest sample that the reference does not hold, else the newest that this version did not add."""
    referred = {sample.id for sample in chosen}
    return next((sample for sample in reversed(kept) if sample.id not in referred), kept[-1] if kept else None)


def _last_number(connection: sa.Connection, profile: sa.Row) -> int:
    last = sa.select(sa.func.max(voice_versions.c.number)).where(voice_versions.c.profile_id == profile.id)
    return connection.scalar(last) or 0


def _change_version(connection: sa.Connection, profile: sa.Row, state: VersionState) -> None:
    connection.execute(
        sa.update(voice_versions)
        .where(voice_versions.c.profile_id == profile.id, voice_versions.c.state == VersionState.IN_FORCE)
        .values(state=state)
    )


def _vector(content: bytes) -> Samples:
    return np.frombuffer(content, dtype="<f4")
