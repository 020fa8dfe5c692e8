"""Never lost, never twice: what clients asked and were told, held against what is left when everything has ended."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from appliance.jobs.states import FINAL_JOB, FINAL_TARGET

FINAL = {"jobs": {state.value for state in FINAL_JOB}, "targets": {state.value for state in FINAL_TARGET}}
DONE = frozenset({"done"})


@dataclass(frozen=True)
class Asked:
    """One request; `ends` are the states in which its job may end."""

    text: str
    languages: tuple[str, ...] = ("fr",)
    ends: frozenset[str] = DONE


class History:
    """What the clients know, by idempotency key and by job; written from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.submitted: dict[str, Asked] = {}
        self.acknowledged: dict[str, set[str]] = {}
        self.observed: dict[str, set[str]] = {}

    def submit(self, key: str, asked: Asked) -> None:
        with self._lock:
            self.submitted[key] = asked

    def acknowledge(self, key: str, job_id: str) -> None:
        with self._lock:
            self.acknowledged.setdefault(key, set()).add(job_id)

    def observe(self, job_id: str, state: str) -> None:
        """Note a state that a client was shown; only final ones bind."""
        if state in FINAL["jobs"]:
            with self._lock:
                self.observed.setdefault(job_id, set()).add(state)

    def refuse(self, key: str) -> None:
        """Note that a request was refused: a job of it would be one that nobody asked for."""
        with self._lock:
            del self.submitted[key]

    def forget(self, key: str) -> None:
        """Forget a request whose job the client has deleted."""
        with self._lock:
            del self.submitted[key]
            for job_id in self.acknowledged.pop(key):
                self.observed.pop(job_id, None)

    def job_ids(self) -> list[str]:
        with self._lock:
            return [job_id for ids in self.acknowledged.values() for job_id in ids]


@dataclass(frozen=True)
class JobRow:
    """A job that is left at the end."""

    id: str
    key: str
    state: str


@dataclass(frozen=True)
class TargetRow:
    """A language of a job at the end; `audio_sha256` is computed from the stored bytes."""

    id: str
    job_id: str
    language: str
    state: str
    audio_sha256: str | None = None


@dataclass(frozen=True)
class Change:
    """One committed change of a row's state, or of a target's result; `was` is None where the row was made."""

    kind: str
    id: str
    was: str | None
    now: str
    result: str | None = None


@dataclass(frozen=True)
class EndState:
    """Everything that is left, and how it came to be."""

    jobs: tuple[JobRow, ...]
    targets: tuple[TargetRow, ...]
    changes: tuple[Change, ...]


@dataclass
class Findings:
    """What went wrong, one sentence each; nothing when all lists are empty."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    resurrected: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {name: len(found) for name, found in vars(self).items()}

    def all(self) -> list[str]:
        return [*self.lost, *self.duplicated, *self.resurrected, *self.wrong]


def check(history: History, end: EndState, audio_of: Callable[[str, str], str]) -> Findings:
    """Return every broken promise; `audio_of` gives the SHA-256 that a text's audio must have in a language."""
    found = Findings()
    jobs = {job.id: job for job in end.jobs}
    of_job: dict[str, list[TargetRow]] = {}
    for target in end.targets:
        of_job.setdefault(target.job_id, []).append(target)
    for key, asked in history.submitted.items():
        told = history.acknowledged.get(key, set())
        if not told:
            found.lost.append(f"{key} was never accepted")
        if len(told) > 1:
            found.duplicated.append(f"{key} was told {len(told)} jobs")
        for job_id in told:
            if job_id in jobs:
                _check_job(found, asked, jobs[job_id], of_job.get(job_id, []), audio_of)
            else:
                found.lost.append(f"{key}: {job_id} is gone")
    _check_twins(found, history, end.jobs)
    _check_changes(found, end.changes)
    _check_observed(found, history.observed, jobs)
    return found


def _check_job(
    found: Findings, asked: Asked, job: JobRow, targets: list[TargetRow], audio_of: Callable[[str, str], str]
) -> None:
    if job.state not in asked.ends:
        found.lost.append(f"{job.id} is {job.state}")
    for language, times in Counter(target.language for target in targets).items():
        if times > 1:
            found.duplicated.append(f"{job.id} has {language} {times} times")
    for language in set(asked.languages) - {target.language for target in targets}:
        found.lost.append(f"{job.id} has no {language}")
    for target in targets:
        if target.state not in FINAL["targets"] and job.state in FINAL["jobs"]:
            found.lost.append(f"{target.id} is {target.state} in a job that is {job.state}")
        if target.state == "done" and target.audio_sha256 is None:
            found.lost.append(f"{target.id} is done without audio")
        elif target.state == "done" and target.audio_sha256 != audio_of(asked.text, target.language):
            found.wrong.append(f"{target.id} holds other audio")


def _check_twins(found: Findings, history: History, jobs: Iterable[JobRow]) -> None:
    for key, times in Counter(job.key for job in jobs).items():
        if key not in history.submitted:
            found.duplicated.append(f"{times} jobs of {key} that nobody asked for")
        elif times > 1:
            found.duplicated.append(f"{key} has {times} jobs")


def _check_changes(found: Findings, changes: Iterable[Change]) -> None:
    ends: Counter[str] = Counter()
    results: Counter[str] = Counter()
    for change in changes:
        final = FINAL.get(change.kind)
        if final is None:
            continue
        if change.was in final and (change.now != change.was or change.result is not None):
            found.resurrected.append(f"{change.id} was {change.was}, then written as {change.now}")
        ends[change.id] += change.now in final and change.was != change.now
        results[change.id] += change.result is not None
    found.duplicated += [f"{row} ended {times} times" for row, times in ends.items() if times > 1]
    found.duplicated += [f"{row} got {times} results" for row, times in results.items() if times > 1]


def _check_observed(found: Findings, observed: Mapping[str, set[str]], jobs: Mapping[str, JobRow]) -> None:
    for job_id, states in observed.items():
        left = jobs[job_id].state if job_id in jobs else "gone"
        found.resurrected += [f"{job_id} was shown as {state}, is {left}" for state in states if state != left]
