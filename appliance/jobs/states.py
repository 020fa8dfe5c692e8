"""The states of jobs, targets and work items, and how a job's state follows from its targets'."""

from collections.abc import Iterable
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TargetState(StrEnum):
    """Where one language of a job stands; the last four are final."""

    WAITING = "waiting"
    TRANSLATING = "translating"
    SPEAKING = "speaking"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    DONE = "done"
    NEEDS_REVIEW = "needs_review"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """Where a work item stands; the last three are final."""

    READY = "ready"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """What a work item asks for."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"
    SYNTHESIZE = "synthesize"
    VERIFY = "verify"
    FINISH = "finish"
    ENROL = "enrol"
    """Judging a sample of a voice profile."""
    CONDITION = "condition"
    """Refining a voice profile's voice at an engine; these two have no job."""


FINAL_JOB = frozenset({JobState.DONE, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED})
FINAL_TARGET = frozenset({TargetState.DONE, TargetState.NEEDS_REVIEW, TargetState.FAILED, TargetState.CANCELLED})
OPEN_TARGET = tuple(state.value for state in TargetState if state not in FINAL_TARGET)
OPEN_JOB = tuple(state.value for state in JobState if state not in FINAL_JOB)
OPEN_ITEM = (ItemState.READY.value, ItemState.CLAIMED.value)
"""Those that are not final, as conditions name them: an index on the state finds the open rows alone."""
SPOKEN_TARGET = frozenset({TargetState.DONE, TargetState.NEEDS_REVIEW})


def job_state(target_states: Iterable[TargetState]) -> JobState:
    """Return the job's state: done when every language has audio, partial when some have, failed when none has."""
    states = list(target_states)
    if any(state not in FINAL_TARGET for state in states):
        return JobState.RUNNING
    if states and all(state is TargetState.CANCELLED for state in states):
        return JobState.CANCELLED
    spoken = sum(state in SPOKEN_TARGET for state in states)
    if spoken == 0:
        return JobState.FAILED
    return JobState.DONE if spoken == len(states) else JobState.PARTIAL
