"""The voices that a profile has at engines: made once per version, engine and language, kept sealed, refined aside.

At first use a voice is matched to the version's recordings and embedding, which takes a moment. To refine it takes many
times as long as to speak a message: that is work of its own, in slices that no message has to wait long for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.audio.pcm import samples_of
from appliance.cache.keys import digest
from appliance.engines.protocols import Samples, Voice
from appliance.errors import MeeshyError, NotFound, StorageUnavailable
from appliance.jobs.claims import end_items
from appliance.jobs.deadlines import deadline_s, sla_scale
from appliance.jobs.items import ClaimedItem, NewItem, add_items
from appliance.jobs.states import ItemState, Stage
from appliance.profiles.samples import PRIORITY
from appliance.stages.context import Context
from appliance.stages.versions import version_embedding
from appliance.storage.voice_tables import voice_conditionings, voice_samples, voice_versions
from appliance.voices.growth import Level
from appliance.voices.profile_documents import ProfileUse, SampleKind, SampleState
from appliance.voices.profile_rows import owner_of, profile_by_id
from appliance.voices.refine import Refinement, Trail, refine_probes, refine_steps, slice_steps
from appliance.voices.sealing import ProfileKey
from appliance.voices.serialise import beside_of, from_bytes, to_bytes

REFINED_WITHIN_S = 120.0
"""A slice's deadline: nobody waits for it, so every message that is in time comes first."""
USED_EVERY = 0.1
"""Of the time that an unused voice is kept: a use is written down no more often, since writing costs more."""


@dataclass(frozen=True)
class Asked:
    """A version of a profile in a language, with what opens it."""

    use: ProfileUse
    language: str
    key: ProfileKey
    embedding: Samples

    def id(self, context: Context) -> str:
        """Return the id of its voice at this worker's engine."""
        synthesizer = context.engines.synthesizer.identity().key
        return digest("profile voice", self.use.id, self.use.version, synthesizer, self.language)


def kept_voice(context: Context, asked: Asked) -> Voice | None:
    """Return the voice where it was made before; this use of it is written down."""
    content = _kept(context, asked)
    return None if content is None else from_bytes(content)


def _kept(context: Context, asked: Asked) -> bytes | None:
    """Return what is kept of the voice, with the trail of the search where one is under way."""
    conditioning_id = asked.id(context)
    kept = voice_conditionings.c
    with context.database.read() as connection:
        now_s = context.database.now_s(connection)
        row = connection.execute(sa.select(kept.voice, kept.used_s).where(kept.id == conditioning_id)).first()
    if row is None:
        return None
    if now_s - row.used_s > USED_EVERY * context.settings.conditioning_ttl_s:
        with context.database.write() as connection:
            connection.execute(sa.update(voice_conditionings).where(kept.id == conditioning_id).values(used_s=now_s))
    return asked.key.open("conditioning", conditioning_id, row.voice)


def made_voice(context: Context, asked: Asked) -> Voice:
    """Return the voice made of all recordings that the version refers to."""
    with context.database.read() as connection:
        version = _version(connection, asked.use)
        rows = connection.execute(
            sa.select(voice_samples.c.id, voice_samples.c.object).where(
                voice_samples.c.profile_id == asked.use.id, voice_samples.c.id.in_(version.reference_ids)
            )
        ).all()
    boxes = {row.id: row.object for row in rows if row.object}
    recordings = [
        samples_of(asked.key.open("sample", sample_id, context.objects.get(boxes[sample_id])))
        for sample_id in version.reference_ids
        if sample_id in boxes
    ]
    return context.engines.synthesizer.match_voice(recordings, asked.language, asked.embedding)


def first_voice(context: Context, asked: Asked) -> Voice:
    """Return what a version speaks with until it is refined: where there is one, what the version before has come to.

    A match anew would begin the search from nothing at every sample, and speech would fall back with each version.
    """
    return _inherited(context, asked) or made_voice(context, asked)


def _inherited(context: Context, asked: Asked) -> Voice | None:
    """Return the voice of the newest earlier version at this engine in the language, where voices are refined."""
    if context.engines.refine_voice is None:
        return None
    kept = voice_conditionings.c
    earlier = (
        sa.select(kept.id, kept.voice)
        .where(kept.profile_id == asked.use.id, kept.language == asked.language, kept.version < asked.use.version)
        .where(kept.synthesizer == _synthesizer(context))
        .order_by(kept.version.desc())
    )
    with context.database.read() as connection:
        row = connection.execute(earlier.limit(1)).first()
    return None if row is None else from_bytes(asked.key.open("conditioning", row.id, row.voice))


def keep_voice(context: Context, asked: Asked, voice: Voice) -> None:
    """Keep a fresh voice, and plan its refinement, unless another worker did; NotFound where the profile is erased."""
    with context.database.write() as connection:
        if profile_by_id(connection, asked.use.id, lock="use") is None:
            raise NotFound("The voice profile was erased.")
        now_s = context.database.now_s(connection)
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(voice_conditionings)
        added = connection.execute(insert.values(_row(context, asked, voice, now_s)).on_conflict_do_nothing())
        level = _version(connection, asked.use).level
        if added.rowcount and level and context.engines.refine_voice is not None:
            plan_refinement(connection, context, asked.use, asked.language, refine_steps(level), now_s)


def plan_refinement(
    connection: sa.Connection, context: Context, use: ProfileUse, language: str, steps: int, now_s: float
) -> None:
    """Add the work of so many more steps for a version's voice in a language; the caller holds the profile."""
    consent_id = connection.scalar(
        sa.select(voice_samples.c.id).where(
            voice_samples.c.profile_id == use.id,
            voice_samples.c.kind == SampleKind.CONSENT,
            voice_samples.c.state == SampleState.ACCEPTED,
        )
    )
    if consent_id is None or steps <= 0:
        return
    item = NewItem(
        job_id=None, target_id=None, sample_id=consent_id, stage=Stage.CONDITION,
        # One at a time: a batch would hold the voice of messages for as long as all of it takes.
        batch_key=f"synthesize:voice-{consent_id[-12:]}-{language}",
        deadline_s=deadline_s(now_s, REFINED_WITHIN_S, 0.0, sla_scale(connection, context.settings)),
        priority=PRIORITY, plan=None,
        payload={"version": use.version, "language": language, "steps": steps},
    )  # fmt: skip
    add_items(connection, [item], now_s)


def renew(
    context: Context, connection: sa.Connection, use: ProfileUse, language: str, level: Level, now_s: float
) -> None:
    """Plan a version's voice in a language: what is not made yet is made by that work, then refined."""
    steps = refine_steps(level) if context.engines.refine_voice is not None else 0
    plan_refinement(connection, context, use, language, max(steps, 1), now_s)


def condition(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Refine voices of profiles by one slice each; what is not the version in force any more is left as it is."""
    for item in items:
        found = asked = None
        try:
            asked = _asked(context, item)
            found = None if asked is None else _refined(context, asked, item)
        except StorageUnavailable:
            raise
        except MeeshyError:
            # The voice stays as good as it was; the same slice would fail again.
            found = None
        _write(context, item, asked, found)


def _asked(context: Context, item: ClaimedItem) -> Asked | None:
    with context.database.read() as connection:
        sample = connection.execute(sa.select(voice_samples).where(voice_samples.c.id == item.sample_id)).first()
        profile = None if sample is None else profile_by_id(connection, sample.profile_id)
        if profile is None or profile.version != item.payload["version"]:
            return None
        key = context.vault.key(owner_of(profile), profile.id, profile.key_object)
        embedding = version_embedding(connection, profile, key, profile.version)
    if embedding is None:
        return None
    language = item.payload["language"]
    return Asked(ProfileUse(id=profile.id, version=profile.version, languages=(language,)), language, key, embedding)


def _refined(context: Context, asked: Asked, item: ClaimedItem) -> Refinement | Voice | None:
    """Return what a slice comes to: a first voice where there is none, else a search that went on."""
    content = _kept(context, asked)
    if content is None:
        return first_voice(context, asked)
    if context.engines.refine_voice is None:
        return None
    with context.database.read() as connection:
        level = _version(connection, asked.use).level
    # What was inherited has to sound better than a match to this version's samples: the first slice hears both.
    begins = item.payload["steps"] >= refine_steps(level)
    return context.engines.refine_voice(
        None, asked.language, from_bytes(content), steps=min(slice_steps(level), item.payload["steps"]),
        goal=asked.embedding, probes=refine_probes(level), rivals=[made_voice(context, asked)] if begins else [],
        trail=None if begins else Trail.of(beside_of(content)),
    )  # fmt: skip


def _write(context: Context, item: ClaimedItem, asked: Asked | None, found: Refinement | Voice | None) -> None:
    """Keep what a slice came to under its fence, and plan the next."""
    with context.database.write() as connection:
        now_s = context.database.now_s(connection)
        held = None if asked is None else profile_by_id(connection, asked.use.id, lock="change")
        if not end_items(connection, [item], ItemState.DONE) or asked is None or held is None or found is None:
            return
        searched = isinstance(found, Refinement)
        left = item.payload["steps"] - (slice_steps(_version(connection, asked.use).level) if searched else 0)
        trail = found.trail if searched and left > 0 else None
        row = _row(context, asked, found.voice if searched else found, now_s, trail)
        this = voice_conditionings.c.id == row["id"]
        known = connection.execute(sa.update(voice_conditionings).where(this).values(voice=row["voice"])).rowcount
        if not known:
            connection.execute(sa.insert(voice_conditionings).values(row))
        plan_refinement(connection, context, asked.use, asked.language, left, now_s)


def _row(context: Context, asked: Asked, voice: Voice, now_s: float, trail: Trail | None = None) -> dict[str, Any]:
    conditioning_id = asked.id(context)
    return {
        "id": conditioning_id,
        "profile_id": asked.use.id,
        "version": asked.use.version,
        "synthesizer": _synthesizer(context),
        "language": asked.language,
        "voice": asked.key.seal("conditioning", conditioning_id, to_bytes(voice, trail.arrays() if trail else None)),
        "created_s": now_s,
        "used_s": now_s,
    }


def _synthesizer(context: Context) -> str:
    return context.engines.synthesizer.identity().key[:200]


def _version(connection: sa.Connection, use: ProfileUse) -> sa.Row:
    row = connection.execute(
        sa.select(voice_versions).where(voice_versions.c.profile_id == use.id, voice_versions.c.number == use.version)
    ).first()
    if row is None:
        raise NotFound("The voice profile was erased.")
    return row
