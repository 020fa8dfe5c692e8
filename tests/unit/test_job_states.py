"""A job's state follows from its targets'."""

import pytest

from appliance.jobs.states import JobState, TargetState, job_state

T = TargetState


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([T.WAITING, T.DONE], JobState.RUNNING),
        ([T.DONE, T.DONE], JobState.DONE),
        ([T.DONE, T.NEEDS_REVIEW], JobState.DONE),
        ([T.DONE, T.FAILED], JobState.PARTIAL),
        ([T.DONE, T.CANCELLED], JobState.PARTIAL),
        ([T.FAILED, T.FAILED], JobState.FAILED),
        ([T.FAILED, T.CANCELLED], JobState.FAILED),
        ([T.CANCELLED, T.CANCELLED], JobState.CANCELLED),
        ([], JobState.FAILED),
    ],
)
def test_the_state_of_a_job(targets, expected):
    assert job_state(targets) is expected
