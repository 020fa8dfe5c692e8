"""Rows of profiles, always asked for by owner, and whether one may speak."""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from appliance.owner import Owner
from appliance.storage.tables import work_items
from appliance.storage.voice_tables import voice_profiles, voice_samples
from appliance.voices.profile_documents import ProfileState, ProfileUse, SampleFault, SampleState, Unused


def profile_of(connection: sa.Connection, owner: Owner, *, lock: str = "") -> sa.Row | None:
    """Return the owner's profile, None where there is none.

    `lock` is `change` for whoever changes or erases it, `use` for whoever records a use that an erasure has to find;
    a transaction takes this lock before any other. Nobody needs it on SQLite.
    """
    query = sa.select(voice_profiles).where(
        voice_profiles.c.application_id == owner.application_id, voice_profiles.c.user_id == owner.user_id
    )
    return connection.execute(_locked(query, lock)).first()


def profile_by_id(connection: sa.Connection, profile_id: str, *, lock: str = "") -> sa.Row | None:
    """Return a profile by its id, for our own stages and duties."""
    query = sa.select(voice_profiles).where(voice_profiles.c.id == profile_id)
    return connection.execute(_locked(query, lock)).first()


def owner_of(profile: sa.Row) -> Owner:
    """Return whose profile a row is."""
    return Owner(profile.application_id, profile.user_id)


def use_of(
    profile: sa.Row | None, languages: Collection[str], now_s: float
) -> tuple[ProfileUse | None, Unused | None]:  # fmt: skip
    """Return how a profile speaks these languages, and why it does not speak all of them; (None, None) without one."""
    if profile is None:
        return None, None
    if profile.state != ProfileState.ACTIVE:
        return None, "awaiting_consent"
    if profile.consent_expires_s <= now_s:
        return None, "consent_expired"
    if profile.level is None:
        return None, "too_little_speech"
    covered = tuple(sorted(language for language in languages if covers(profile.languages, language)))
    use = ProfileUse(id=profile.id, version=profile.version, languages=covered) if covered else None
    return use, None if len(covered) == len(set(languages)) else "language"


def covers(agreed: Collection[str], language: str) -> bool:
    """Return whether a language, or the one that it is a variant of, was agreed to."""
    return language in agreed or language.split("-")[0] in agreed


def refuse_samples(
    connection: sa.Connection, sample_ids: Sequence[str], fault: SampleFault, now_s: float
) -> list[str]:  # fmt: skip
    """Refuse samples that still wait, for one reason, and return the names of their objects.

    No row names them any more: the caller deletes them, or housekeeping does later. The caller holds the profiles.
    """
    waiting = sa.and_(voice_samples.c.id.in_(sample_ids), voice_samples.c.state == SampleState.WAITING)
    names = connection.scalars(sa.select(voice_samples.c.object).where(waiting)).all()
    refused = {"state": SampleState.REFUSED, "faults": [msgspec.to_builtins(fault)], "judged_s": now_s, "object": ""}
    connection.execute(sa.update(voice_samples).where(waiting).values(**refused))
    return list(names)


def hold_profiles_of_items(connection: sa.Connection, item_ids: Collection[str]) -> set[str]:
    """Lock the profiles that samples' work items belong to, as far as nobody holds them, and return their ids.

    They come before their samples and items in every transaction.
    """
    query = (
        sa.select(voice_profiles.c.id)
        .join(voice_samples, voice_samples.c.profile_id == voice_profiles.c.id)
        .join(work_items, work_items.c.sample_id == voice_samples.c.id)
        .where(work_items.c.id.in_(item_ids))
        .order_by(voice_profiles.c.id)
        .with_for_update(skip_locked=True, of=voice_profiles)
    )
    return set(connection.scalars(query))


def samples_of(profile_ids: Collection[str]) -> sa.Select:
    """Select the ids of profiles' samples."""
    return sa.select(voice_samples.c.id).where(voice_samples.c.profile_id.in_(profile_ids))


def _locked(query: sa.Select, lock: str) -> sa.Select:
    if not lock:
        return query
    return query.with_for_update(read=lock == "use")
