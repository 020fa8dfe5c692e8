"""What became of an action: also where no answer came back, and where the appliance refused a part."""

import asyncio

import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.scripted_source import ScriptedSource
from tui.acting import pause_or_resume, retry_all
from tui.answers import Busy, failure_of
from tui.outcome import ASK_AGAIN_AFTER_S, Outcome, carry_out
from tui.source import Conflict, Refused, SourceError, Unanswered

PAUSE = pause_or_resume(scenes.lane("hear", 0))
RETRY = retry_all(scenes.lane("hear", 1, dead=100), 100)
SLOW = Unanswered("The appliance does not answer in time.")
GONE = SourceError("No connection: refused.")


def carried_out(*answers: schema.ActionAnswer | SourceError, action=PAUSE):
    """Return what was told in between, what at the end, the source and the waits."""
    source, clock, told = ScriptedSource(), StoppedClock(), []
    source.answers = list(answers)
    outcome = asyncio.run(carry_out(source, action, clock, told.append))
    return told, outcome, source, clock.slept_s


def test_what_was_done_is_told_in_the_appliances_words():
    told, outcome, source, _ = carried_out(scenes.answer())

    assert (told, outcome) == ([], Outcome("Pause lane", "hear.p0 is paused.", shown_s=6.0))
    assert source.actions == [PAUSE]


@pytest.mark.parametrize(
    ("refusal", "title"),
    [
        (Conflict("hear.p0 is paused."), "Nothing was changed"),
        (Refused("403: no."), "Pause lane: not done"),
        (GONE, "Pause lane: not done"),
        (Busy("Later.", 3.0), "Pause lane: not done"),
    ],
)
def test_what_was_surely_not_done_is_asked_for_once(refusal, title):
    told, outcome, source, _ = carried_out(refusal)

    assert told == []
    assert (outcome.title, outcome.says) == (title, str(refusal))
    assert len(source.actions) == 1


def test_without_an_answer_it_is_not_known_and_the_same_request_is_sent_again():
    told, outcome, source, slept_s = carried_out(SLOW, GONE, scenes.answer())

    assert [each.title for each in told] == ["Pause lane: not known whether it was done"] * 2
    assert told[0].says == "The appliance does not answer in time. Asking again; nothing is done twice."
    assert outcome.says == "hear.p0 is paused."
    assert [each.idempotency_key for each in source.actions] == [PAUSE.idempotency_key] * 3
    assert slept_s == [2.0, 5.0]


def test_a_bulk_whose_database_went_in_the_middle_is_asked_for_again_and_never_called_not_done():
    away = failure_of(503, b'{"code": "storage_unavailable", "detail": "The database does not answer."}', "5")
    told, outcome, source, _ = carried_out(away, away, bulk("100 retried.", 100), action=RETRY)

    assert {each.title for each in told} == {"Retry all dead letters: not known whether it was done"}
    assert told[0].says.startswith("The database does not answer. Asking again")
    assert (outcome.title, outcome.says) == ("Retry all dead letters", "100 retried.")
    assert {each.idempotency_key for each in source.actions} == {RETRY.idempotency_key}


def test_a_refusal_under_the_same_key_says_that_nothing_was_changed():
    _, outcome, _, _ = carried_out(SLOW, Conflict("There are 3 such dead letters now."), action=RETRY)

    assert outcome == Outcome("Nothing was changed", "There are 3 such dead letters now.", "warning")


def test_when_no_answer_ever_comes_a_person_has_to_look():
    _, outcome, source, slept_s = carried_out(*[SLOW] * 9)

    assert len(source.actions) == 1 + len(ASK_AGAIN_AFTER_S)
    assert slept_s == list(ASK_AGAIN_AFTER_S)
    assert outcome.title == "Pause lane: not known whether it was done"
    assert "or at the audit (E), before you do it again" in outcome.says


def test_a_key_that_was_revoked_meanwhile_leaves_it_unknown():
    _, outcome, source, _ = carried_out(SLOW, Refused("401: A valid API key is needed."))

    assert outcome.title == "Pause lane: not known whether it was done"
    assert outcome.says.startswith("401: A valid API key is needed.")
    assert len(source.actions) == 2


def bulk(says: str, made: int, left: int = 0, **codes: int) -> schema.ActionAnswer:
    failed = {f"{code}-{number}": code for code, count in codes.items() for number in range(count)}
    job_ids = tuple(f"job-{number}" for number in range(made))
    return schema.ActionAnswer(action="retry_many", says=says, job_ids=job_ids, failed=failed, left=left)


@pytest.mark.parametrize(
    ("answer", "title", "says", "severity"),
    [
        (bulk("100 retried.", 100), "", "100 retried.", "information"),
        (bulk("500 retried. 7 left.", 500, 7), ": more are left", "500 retried. 7 left.", "information"),
        (
            bulk("5 retried, 95 refused.", 5, quota_exceeded=90, not_found=5),
            ": not all",
            "5 retried, 95 refused. Refused: 90 quota_exceeded, 5 not_found.",
            "warning",
        ),
        (
            bulk("0 retried, 2 refused: overloaded.", 0, overloaded=2),
            ": none",
            "0 retried, 2 refused: overloaded.",
            "warning",
        ),
    ],
    ids=["all", "of more than go at once", "a part, by an appliance that tells no reasons", "none, by one that does"],
)
def test_a_bulk_says_what_was_refused_and_why(answer, title, says, severity):
    _, outcome, _, _ = carried_out(answer, action=RETRY)

    assert (outcome.title, outcome.says) == (f"Retry all dead letters{title}", says)
    assert outcome.severity == severity
