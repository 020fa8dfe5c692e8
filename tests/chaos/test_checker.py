"""The checker finds each kind of broken promise, planted one at a time, and nothing in a clean history."""

from dataclasses import replace

import pytest

from tests.chaos.checker import Asked, Change, EndState, Findings, History, JobRow, TargetRow, check


def audio_of(text: str, language: str) -> str:
    return f"sha of {language}:{text}"


JOB = JobRow("job_1", "key-1", "done")
TARGET = TargetRow("target_1", "job_1", "fr", "done", audio_of("hello", "fr"))
CHANGES = (
    Change("jobs", "job_1", None, "queued"),
    Change("targets", "target_1", None, "waiting"),
    Change("targets", "target_1", "waiting", "done", "sha"),
    Change("jobs", "job_1", "queued", "done"),
    Change("work_items", "item_1", "claimed", "ready"),
    Change("work_items", "item_1", "ready", "claimed"),
)
CLEAN = EndState((JOB,), (TARGET,), CHANGES)


def told(*, job: str = "job_1", also: str | None = None, shown: str | None = "done") -> History:
    history = History()
    history.submit("key-1", Asked("hello"))
    history.acknowledge("key-1", job)
    if also:
        history.acknowledge("key-1", also)
    if shown:
        history.observe(job, shown)
    return history


def kinds(found: Findings) -> set[str]:
    return {kind for kind, count in found.counts().items() if count}


def test_a_clean_history_has_no_findings():
    assert check(told(), CLEAN, audio_of).all() == []


def test_a_state_that_was_shown_before_the_end_does_not_bind():
    assert check(told(shown="running"), CLEAN, audio_of).all() == []


def test_a_request_that_was_never_accepted_is_lost():
    history = told()
    history.submit("key-2", Asked("unheard"))
    assert kinds(check(history, CLEAN, audio_of)) == {"lost"}


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (replace(CLEAN, jobs=()), "lost"),
        (replace(CLEAN, jobs=(replace(JOB, state="running"),)), "lost"),
        (replace(CLEAN, jobs=(replace(JOB, state="failed"),)), "lost"),
        (replace(CLEAN, targets=()), "lost"),
        (replace(CLEAN, targets=(replace(TARGET, state="speaking"),)), "lost"),
        (replace(CLEAN, targets=(replace(TARGET, audio_sha256=None),)), "lost"),
        (replace(CLEAN, jobs=(JOB, replace(JOB, id="job_2"))), "duplicated"),
        (replace(CLEAN, jobs=(JOB, JobRow("job_2", "nobody's", "done"))), "duplicated"),
        (replace(CLEAN, targets=(TARGET, replace(TARGET, id="target_2"))), "duplicated"),
        (replace(CLEAN, changes=(*CHANGES, Change("targets", "target_1", "waiting", "done"))), "duplicated"),
        (replace(CLEAN, changes=(*CHANGES, Change("jobs", "job_1", "running", "partial"))), "duplicated"),
        (replace(CLEAN, changes=(*CHANGES, Change("targets", "target_1", "waiting", "waiting", "sha"))), "duplicated"),
        (replace(CLEAN, changes=(*CHANGES, Change("targets", "target_1", "done", "waiting"))), "resurrected"),
        (replace(CLEAN, changes=(*CHANGES, Change("targets", "target_1", "done", "done", "other"))), "resurrected"),
        (replace(CLEAN, changes=(*CHANGES, Change("jobs", "job_1", "done", "running"))), "resurrected"),
        (replace(CLEAN, targets=(replace(TARGET, audio_sha256="other"),)), "wrong"),
    ],
)
def test_each_planted_error_is_found(end, kind):
    history = told(shown=None)
    assert kind in kinds(check(history, end, audio_of))


def test_two_jobs_told_for_one_key_are_a_twin():
    assert "duplicated" in kinds(check(told(also="job_2"), CLEAN, audio_of))


@pytest.mark.parametrize("shown", ["cancelled", "failed"])
def test_a_client_that_was_shown_another_end_is_told_apart(shown):
    assert kinds(check(told(shown=shown), CLEAN, audio_of)) == {"resurrected"}
