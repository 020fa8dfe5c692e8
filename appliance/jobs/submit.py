"""Accepting a job: one transaction that holds the job, its targets, first work, usage and idempotency key."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import hold, recall
from appliance.cache.keys import digest, result_key, transcription_key
from appliance.cache.kinds import Kind
from appliance.errors import IdempotencyConflict, NotReady
from appliance.jobs.admission import Admission
from appliance.jobs.answered import record_answered
from appliance.jobs.deadlines import deadline_s, sla_scale
from appliance.jobs.documents import AudioFacts, Capabilities, JobDocument, Request
from appliance.jobs.ended import ended_targets, siblings_of
from appliance.jobs.endings import settle_jobs
from appliance.jobs.events import record_receipts
from appliance.jobs.items import new_id
from appliance.jobs.leaders import held_leaders, open_leaders
from appliance.jobs.locks import hold_names
from appliance.jobs.lookups import Lookup, note_lookups
from appliance.jobs.outlook import Asked
from appliance.jobs.planning import plan_targets
from appliance.jobs.query import load_job
from appliance.jobs.reachable import check_targets
from appliance.jobs.states import JobState, TargetState
from appliance.jobs.terms import Allowance, Demand, Terms, VoiceKind
from appliance.jobs.usage import note_accepted
from appliance.jobs.voice_choice import profile_for, with_profile
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.tables import jobs, targets
from appliance.telemetry.noting import note

# Made once: to make a short question takes as long as to ask it, and an overload asks these for all that it refuses.
_EARLIER = sa.select(jobs.c.id, jobs.c.request_sha256).where(
    jobs.c.application_id == sa.bindparam("application_id"),
    jobs.c.user_id == sa.bindparam("user_id"),
    jobs.c.idempotency_key == sa.bindparam("idempotency_key"),
)


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its owner and the SHA-256 of the uploaded bytes."""

    owner: Owner
    request: Request
    audio_sha256: str
    idempotency_key: str | None = None
    upload: str | None = None
    """Names this upload in the process that reads it; its place is kept under that name while it is decoded."""

    def digest(self) -> str:
        """Return what must be equal for the same idempotency key to mean the same request."""
        return digest("request", self.audio_sha256, self.request.asked)


class Seen(NamedTuple):
    """What is known about an upload before its recording is decoded."""

    job: JobDocument | None
    """Of a repeated idempotency key."""
    kept: Mapping[str, Any] | None = None
    """The kept answers by result key, in the languages' order, where there is one for each; else None."""
    source: Mapping[str, Any] | None = None
    """What was heard in the recording, where that is kept."""
    request: Request | None = None
    """What was asked, with the voice profile that the kept answers are of."""

    @property
    def complete(self) -> bool:
        """Return whether an answer is kept for each language."""
        return self.kept is not None


class Submitter:
    """Turns submissions into jobs."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        capabilities: Callable[[], Capabilities | None],
        ring: Callable[[], None],
        allowance: Allowance,
    ) -> None:
        """Accept into this database what the allowance grants; `ring` tells the workers after the commit."""
        self.admission = Admission(database, settings)
        self.ring = ring
        self._database = database
        self._settings = settings
        self._capabilities = capabilities
        self._allowance = allowance

    def look(
        self, connection: sa.Connection, submission: Submission, size_bytes: int, said_s: float | None = None
    ) -> Seen:
        """Return what is known about an upload, or raise why it cannot be served however its recording sounds.

        Needs neither the recording's samples nor a worker, and writes nothing; a named upload has a place from here on
        (`Admission.require_place`). `said_s` is how long the recording says that it is, None where it does not: then
        the time is judged by its bytes, which refuses much less. Most of what an overload refuses is refused here, so
        it asks little.
        """
        capabilities = self._known_capabilities()
        earlier = self._earlier(connection, submission)
        if earlier is not None:
            return Seen(earlier)
        now_s = self._database.now_s(connection)
        profile = profile_for(connection, submission.owner, submission.request)
        submission = _in_voice(submission, profile, now_s)
        keys, source_key = self._keys(submission, capabilities), self._source_key(submission, capabilities)
        kept = recall(connection, [*keys, source_key], now_s)
        if kept.keys() >= set(keys):
            return Seen(None, {key: kept[key] for key in keys}, kept.get(source_key), submission.request)
        request = submission.request
        check_targets(capabilities, request)
        terms = self._allowance.check(
            connection, submission.owner.application_id, request.targets, _voice(request, capabilities)
        )
        outlook = self.admission.look(connection, now_s)
        if outlook.refuses(terms.priority) and (
            computed := set(keys) - kept.keys() - open_leaders(connection, keys).keys()
        ):
            if said_s is None:
                self.admission.require_hope(connection, terms, size_bytes, now_s)
                return Seen(None)
            asked = Asked(
                said_s, deadline_s(0.0, terms.sla_s, said_s, outlook.scale), languages=len(computed),
                heard=bool(kept), priority=terms.priority, plan=terms.plan,
            )  # fmt: skip
            self.admission.require_place(connection, asked, now_s, submission.upload)
        return Seen(None)

    def answer(self, connection: sa.Connection, submission: Submission, seen: Seen) -> JobDocument | None:
        """Return a finished job made from kept answers, in the transaction that found them (`seen.complete`).

        None where they were forgotten at this very moment, or are of a voice profile that was erased or made another
        version.
        """
        if seen.kept is None or seen.request is None:
            raise ValueError("not every language is answered")
        if seen.request.profile is not None and self._voice_changed(connection, submission, seen.request):
            return None
        earlier = self._earlier_alone(connection, submission)
        if earlier is not None:
            return earlier
        kept = self._held(connection, seen.kept)
        if kept is None:
            return None
        submission = msgspec.structs.replace(submission, request=seen.request)
        now_s, capabilities = self._database.now_s(connection), self._known_capabilities()
        audio = msgspec.convert(next(iter(kept.values()))["audio"], AudioFacts)
        demand = _demand(submission, capabilities, audio, 0, opens=False)
        terms = self._allowance.grant(connection, submission.owner, demand, now_s)
        source = seen.source or next(answer["source"] for answer in kept.values())
        row = _job_row(submission, audio, terms, now_s) | {
            "source": {**source, "cached": True} if source else None,
            "deadline_s": deadline_s(now_s, terms.sla_s, audio.duration_s, sla_scale(connection, self._settings)),
            "eta_s": None,
        }
        note_lookups(connection, [Lookup(Kind.RESULT, len(kept), 0)])
        job = record_answered(connection, row, submission.request, audio, kept)
        _attest(connection, submission, job.id, now_s)
        return job

    def _voice_changed(self, connection: sa.Connection, submission: Submission, seen: Request) -> bool:
        """Keep the profile from being erased until this transaction ends; return whether it is another one now."""
        if _writes_alone(connection):
            return False
        profile = profile_for(connection, submission.owner, submission.request, held=True)
        return _in_voice(submission, profile, self._database.now_s(connection)).request != seen

    def _held(self, connection: sa.Connection, seen: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Keep answers, and so their objects, until this transaction ends; None where one of them is gone now."""
        if _writes_alone(connection):
            return seen
        held = hold(connection, seen.keys(), self._database.now_s(connection))
        return {key: held[key] for key in seen} if held.keys() == seen.keys() else None

    def accept(
        self,
        submission: Submission,
        audio: AudioFacts,
        require: Callable[[sa.Connection], None] = lambda connection: None,
        within: Callable[[sa.Connection, str], None] = lambda connection, job_id: None,
    ) -> JobDocument:
        """Record a job for a decoded recording and wake the workers; NoRoute where no language can be reached.

        `require` may hold jobs, and raises what forbids this one, in the transaction that records it. `within` writes
        what belongs to the job's id into the same transaction, also where the idempotency key has made it before.
        """
        capabilities = self._known_capabilities()
        check_targets(capabilities, submission.request)
        with self._database.write() as connection:
            profile = profile_for(connection, submission.owner, submission.request, held=True)
            # After the profile, as an erasure holds them; before all else, as everybody does.
            require(connection)
            job = self._earlier_alone(connection, submission)
            made = job is None
            if job is None:
                submission = _in_voice(submission, profile, self._database.now_s(connection))
                job = self._record(connection, submission, audio, capabilities)
            within(connection, job.id)
        if made:
            self.ring()
        return job

    def _known_capabilities(self) -> Capabilities:
        capabilities = self._capabilities()
        if capabilities is None:
            raise NotReady("The workers are still loading their models.", retry_after_s=3)
        return capabilities

    def _keys(self, submission: Submission, capabilities: Capabilities) -> list[str]:
        request = submission.request
        return [
            result_key(
                submission.owner, submission.audio_sha256, target, capabilities.pipelines.get(target, ""),
                request.choices(target),
            )
            for target in request.targets
        ]  # fmt: skip

    def _source_key(self, submission: Submission, capabilities: Capabilities) -> str:
        return transcription_key(
            submission.owner, submission.audio_sha256, submission.request.source_language, capabilities.transcriber
        )

    def _earlier_alone(self, connection: sa.Connection, submission: Submission) -> JobDocument | None:
        """Return the idempotency key's job; where there is none, no other transaction makes one until this one ends."""
        if submission.idempotency_key is not None:
            owner = submission.owner
            name = digest("idempotency", owner.application_id, owner.user_id, submission.idempotency_key)
            hold_names(connection, [name])
        return self._earlier(connection, submission)

    def _earlier(self, connection: sa.Connection, submission: Submission) -> JobDocument | None:
        if submission.idempotency_key is None:
            return None
        given = {**msgspec.structs.asdict(submission.owner), "idempotency_key": submission.idempotency_key}
        row = connection.execute(_EARLIER, given).first()
        if row is None:
            return None
        if row.request_sha256 != submission.digest():
            raise IdempotencyConflict
        return load_job(connection, row.id, submission.owner)

    def _record(
        self, connection: sa.Connection, submission: Submission, audio: AudioFacts, capabilities: Capabilities
    ) -> JobDocument:
        now_s = self._database.now_s(connection)
        keys = self._keys(submission, capabilities)
        leaders = held_leaders(connection, keys)
        kept = hold(connection, keys, now_s)
        computed = [key for key in keys if key not in kept and key not in leaders]
        demand = _demand(submission, capabilities, audio, len(computed), opens=len(kept) < len(keys))
        # Last of all that this transaction waits for: who holds the quota waits for nobody.
        terms = self._allowance.grant(connection, submission.owner, demand, now_s)
        source = self._known_source(connection, submission, capabilities, kept, now_s)
        scale = sla_scale(connection, self._settings)
        due_s, eta_s = deadline_s(now_s, terms.sla_s, audio.duration_s, scale), None
        if computed:
            asked = Asked(
                audio.duration_s, due_s - now_s, languages=len(computed), heard=source is not None,
                priority=terms.priority, plan=terms.plan,
            )  # fmt: skip
            eta_s = self.admission.admit(connection, asked, now_s, submission.upload)
        row = _job_row(submission, audio, terms, now_s)
        job_id = row["id"]
        connection.execute(
            sa.insert(jobs).values(**row, state=JobState.QUEUED, source=source, deadline_s=due_s, eta_s=eta_s)
        )
        _attest(connection, submission, job_id, now_s)
        note_lookups(connection, [
            Lookup(Kind.RESULT, len(kept), len(keys) - len(kept)),
            *([Lookup(Kind.TRANSCRIPTION, int(source is not None), int(source is None))] if computed else ()),
        ])  # fmt: skip
        languages = [(new_id("target"), key) for key in keys]
        following = {key: leader for key, leader in leaders.items() if key not in kept}
        rows = [
            {
                "id": target_id, "job_id": job_id, "position": position, "result_key": key,
                "language": submission.request.targets[position], "follows_id": following.get(key),
                **_from_answer(kept.get(key), now_s),
            }
            for position, (target_id, key) in enumerate(languages)
        ]  # fmt: skip
        connection.execute(sa.insert(targets), rows)
        plan_targets(connection, [target_id for target_id, key in languages if key in computed], now_s)
        made = [(target_id, key in computed) for target_id, key in languages]
        note_accepted(connection, submission.owner, made, audio, now_s)
        answered = [target_id for target_id, key in languages if key in kept]
        if answered:
            siblings = siblings_of(connection, [job_id])
            record_receipts(connection, ended_targets(connection, answered), siblings, now_s)
        settle_jobs(connection, [job_id], now_s)
        note(connection, "jobs_accepted", str(terms.priority))
        if computed:
            note(connection, "jobs_admitted", str(terms.priority))
        return load_job(connection, job_id, submission.owner)

    def _known_source(
        self,
        connection: sa.Connection,
        submission: Submission,
        capabilities: Capabilities,
        kept: dict[str, Any],
        now_s: float,
    ) -> dict[str, Any] | None:
        key = self._source_key(submission, capabilities)
        source = recall(connection, [key], now_s).get(key)
        source = source or next((answer["source"] for answer in kept.values()), None)
        return {**source, "cached": True} if source else None


def _job_row(submission: Submission, audio: AudioFacts, terms: Terms, now_s: float) -> dict[str, Any]:
    """Return the columns of a new job that do not depend on what is known about it."""
    owner, request = submission.owner, submission.request
    return {
        "id": new_id("job"),
        "application_id": owner.application_id,
        "user_id": owner.user_id,
        "accepted_s": now_s,
        "request": msgspec.to_builtins(request),
        "request_sha256": submission.digest(),
        "idempotency_key": submission.idempotency_key,
        "audio_sha256": submission.audio_sha256,
        "audio": msgspec.to_builtins(audio),
        "audio_s": audio.duration_s,
        "plan": terms.plan,
        "priority": terms.priority,
        "sla_s": terms.sla_s,
        "stored_bytes": audio.recording_bytes,
        "voice_profile_id": request.profile.id if request.profile else None,
    }


def _attest(connection: sa.Connection, submission: Submission, job_id: str, now_s: float) -> None:
    """Write down what a job that speaks in somebody's voice rests on: a profile, or consent that was attested."""
    owner, request = submission.owner, submission.request
    if request.profile is not None:
        used = {"profile": request.profile.id, "version": request.profile.version}
        record(connection, owner, "voice_profile_used", job_id, now_s, **used)
    if request.voice != "stock" and request.consent:
        record(connection, owner, "consent_attested", job_id, now_s, scope="one job")


def _in_voice(submission: Submission, profile: sa.Row | None, now_s: float) -> Submission:
    return msgspec.structs.replace(submission, request=with_profile(submission.request, profile, now_s))


def _writes_alone(connection: sa.Connection) -> bool:
    """Return whether nobody else can have changed anything since this transaction began: SQLite has one writer."""
    return connection.dialect.name == "sqlite"


def _voice(request: Request, capabilities: Capabilities) -> VoiceKind:
    of_speaker = request.profile is not None or request.voice_without_profile == "speaker"
    return capabilities.voice_kind if of_speaker else "stock"


def _demand(
    submission: Submission, capabilities: Capabilities, audio: AudioFacts, computed: int, *, opens: bool
) -> Demand:
    return Demand(
        languages=submission.request.targets,
        voice=_voice(submission.request, capabilities),
        translations=computed,
        audio_s=audio.counted_s if computed else 0.0,
        recording_bytes=audio.recording_bytes,
        opens=opens,
    )


def _from_answer(answer: dict[str, Any] | None, now_s: float) -> dict[str, Any]:
    if answer is None:
        return {
            "state": TargetState.WAITING, "cached": False, "translation": None, "spoken": None, "finished_s": None,
        }  # fmt: skip
    return {
        "state": answer["state"],
        "cached": True,
        "translation": answer["translation"],
        "spoken": answer["spoken"],
        "finished_s": now_s,
    }
