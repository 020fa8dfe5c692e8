"""Many dead letters that are tried again at once, on both databases: what is refused, what is left, what is audited."""

import itertools

import pytest

from appliance.access.keys import create_key
from appliance.access.plans import change_plan
from appliance.admin.action_types import RetryManyRequest
from appliance.admin.bulk_retry import LONGEST_S, retry_many
from appliance.errors import NotReady, StateConflict, StorageUnavailable
from appliance.owner import Owner
from tests.jobs.operators import Interrupted, ask, audited, dead, failed, gold, number_of_jobs
from tests.jobs.site import Site


def all_again(bench, count, key="one", submitter=None, **more):
    body = RetryManyRequest(expected_count=count)
    asked = ask("retry_many", "dead-letters", body, key)
    return retry_many(bench.database, submitter or bench.submitter, asked, body, **more)


def failed_one_by_one(bench, count, **asked):
    """Return the ids of so many dead letters, the oldest first."""
    ids = []
    for number in range(count):
        ids.append(failed(bench, f"message {number} of {asked.get('owner')}", **asked).id)
        bench.clock.advance(1)
    return ids


def other(bench):
    return Owner(create_key(bench.database, "other", "app", "free").application_id, "bob")


def letters(bench):
    return {letter.job_id for letter in dead(bench).dead_letters}


def test_what_was_done_and_refused_is_told_and_audited_job_by_job(bench):
    owner = gold(bench)
    ids = failed_one_by_one(bench, 3, owner=owner)
    change_plan(bench.database, "enterprise", {"concurrent_jobs": "1"})

    answer = all_again(bench, 3)
    assert (len(answer.job_ids), answer.failed, answer.left) == (1, {ids[1]: "quota_exceeded"}, 1)
    assert (answer.state, answer.says) == (
        "retried",
        "1 retried, 1 refused: 1 quota_exceeded. 1 more is left: retry again.",
    )
    assert letters(bench) == set(ids[1:])
    of_jobs = {entry[2]: entry[3] for entry in audited(bench) if entry[0] == "console.retry"}
    assert of_jobs == {ids[0]: "done", ids[1]: "quota_exceeded"}

    none = all_again(bench, 2, "two")
    assert (none.state, none.job_ids) == ("refused", ())
    assert none.says == "0 retried, 1 refused: 1 quota_exceeded. 1 more is left untried."
    with pytest.raises(StateConflict) as refused:
        all_again(bench, 3, "three")
    assert refused.value.extra["now"]["count"] == 2


def test_of_more_than_go_at_once_the_oldest_go_and_the_rest_the_next_times(bench):
    ids = failed_one_by_one(bench, 5)

    first = all_again(bench, 5, most=2)
    assert (first.state, first.left, first.says) == ("retried", 3, "2 retried. 3 more are left: retry again.")
    assert [letter.job_id for letter in dead(bench).dead_letters] == ids[:1:-1]
    assert all_again(bench, 5, most=2) == first
    with pytest.raises(StateConflict) as refused:
        all_again(bench, 2, "two", most=2)
    assert refused.value.extra["now"]["count"] == 3
    assert all_again(bench, 3, "three", most=2).left == 1
    last = all_again(bench, 1, "four", most=2)
    assert (last.left, last.says) == (0, "1 retried.")
    assert dead(bench).count == 0


def test_an_application_that_has_nothing_left_holds_up_nobody_behind_it(bench):
    refused = failed_one_by_one(bench, 6, owner=gold(bench))
    kept = failed_one_by_one(bench, 2, owner=other(bench))
    change_plan(bench.database, "enterprise", {"translations_per_month": "0"})

    answer = all_again(bench, 8, most=1)
    assert (answer.failed, len(answer.job_ids), answer.left) == ({refused[0]: "quota_exceeded"}, 1, 6)
    assert letters(bench) == {*refused, kept[1]}


def test_a_user_who_has_nothing_left_holds_up_no_other_of_the_application(bench):
    alice = gold(bench)
    ids = failed_one_by_one(bench, 3, owner=alice)
    failed_one_by_one(bench, 1, owner=Owner(alice.application_id, "bob"))
    change_plan(bench.database, "enterprise", {"user_translations_per_month": "1"})

    answer = all_again(bench, 4)
    assert (answer.failed, len(answer.job_ids), answer.left) == ({ids[1]: "quota_exceeded"}, 2, 1)
    assert letters(bench) == set(ids[1:])


def test_what_is_too_large_for_what_is_left_holds_up_nothing_smaller(bench):
    owner = gold(bench)
    large = failed(bench, "large", "fr", "es", owner=owner)
    bench.clock.advance(1)
    failed_one_by_one(bench, 1, owner=owner)
    change_plan(bench.database, "enterprise", {"translations_per_month": "1"})

    answer = all_again(bench, 2)
    assert (answer.failed, len(answer.job_ids), answer.left) == ({large.id: "quota_exceeded"}, 1, 0)


def test_what_there_is_too_much_work_for_holds_up_no_other_application(bench):
    refused = failed_one_by_one(bench, 7, owner=Owner("app", "p2"))
    failed_one_by_one(bench, 1, owner=Owner("other", "p0"))
    site = Site(bench)
    for _ in range(3):
        site.note(2)
    bench.clock.advance(10.0)
    site.registries[0].seen()

    answer = all_again(bench, 8)
    assert answer.failed == dict.fromkeys(refused[:5], "overloaded")
    assert (len(answer.job_ids), answer.left) == (1, 2)


def test_refusals_that_are_no_groups_end_it_after_so_many(bench):
    failed_one_by_one(bench, 6)

    def gone():
        raise StateConflict

    answer = all_again(bench, 6, submitter=Interrupted(bench, before=gone), most=1)
    assert (list(answer.failed.values()), answer.left) == (["state_conflict"] * 4, 2)


@pytest.mark.parametrize("trouble", [StorageUnavailable, NotReady])
def test_a_trouble_in_its_midst_ends_it_with_what_was_made(bench, trouble):
    failed_one_by_one(bench, 3)
    calls = itertools.count(1)

    def away():
        if next(calls) == 2:
            raise trouble

    answer = all_again(bench, 3, submitter=Interrupted(bench, before=away))
    assert (len(answer.job_ids), answer.failed, answer.left) == (1, {}, 2)
    assert all_again(bench, 2, "two").says == "2 retried."


@pytest.mark.parametrize("trouble", [StorageUnavailable, NotReady])
def test_a_trouble_before_anything_was_made_is_told_and_its_repetition_does_it(bench, trouble):
    failed_one_by_one(bench, 2)

    def away():
        raise trouble

    with pytest.raises(trouble):
        all_again(bench, 2, submitter=Interrupted(bench, before=away))
    told = [("console.retry_many", code) for code in ("begun", *([trouble.code] if trouble is NotReady else []))]
    assert (dead(bench).count, [(entry[0], entry[3]) for entry in audited(bench)]) == (2, told)
    assert all_again(bench, 2).says == "2 retried."


class Killed(BaseException):
    """Ends a process in the midst of it."""


def test_who_is_killed_in_its_midst_leaves_nothing_unaudited_and_its_repetition_goes_on(bench):
    ids = failed_one_by_one(bench, 3)

    def kill():
        if number_of_jobs(bench) == 5:
            raise Killed

    with pytest.raises(Killed):
        all_again(bench, 3, submitter=Interrupted(bench, after=kill))
    assert letters(bench) == {ids[2]}
    assert [(entry[0], entry[2], entry[3]) for entry in audited(bench)] == [
        ("console.retry_many", "dead-letters", "begun"),
        *(("console.retry", job_id, "done") for job_id in ids[:2]),
    ]
    # The count is another one by now, and a dead letter has come: the same request goes on all the same.
    bench.run()
    failed_one_by_one(bench, 1, owner=Owner("app", "later"))
    answer = all_again(bench, 3)
    assert (len(answer.job_ids), dead(bench).count) == (3, 1)
    assert answer.says == "3 retried. 1 more is left: retry again."
    assert all_again(bench, 3) == answer
    assert number_of_jobs(bench) == 7


def test_one_request_at_two_processes_at_once_is_one_bulk(bench):
    """The second comes while the first is at its first dead letter, and does all of it."""
    ids = failed_one_by_one(bench, 3)
    second = []

    def meanwhile():
        if not second:
            second.append(None)
            second[0] = all_again(bench, 3)

    first = all_again(bench, 3, submitter=Interrupted(bench, before=meanwhile))
    assert first == second[0]
    assert (len(first.job_ids), first.failed, number_of_jobs(bench)) == (3, {}, 6)
    assert [(entry[2], entry[3]) for entry in audited(bench)] == [
        ("dead-letters", "begun"), *((job_id, "done") for job_id in ids), ("dead-letters", "done")
    ]  # fmt: skip


def test_what_the_same_request_took_up_elsewhere_is_not_called_refused(bench):
    """The second is cut off after one dead letter, which the first was just looking at."""
    ids = failed_one_by_one(bench, 3)
    cut = []

    def kill():
        raise Killed

    def meanwhile():
        if not cut:
            cut.append(True)
            with pytest.raises(Killed):
                all_again(bench, 3, submitter=Interrupted(bench, after=kill))

    answer = all_again(bench, 3, submitter=Interrupted(bench, before=meanwhile))
    assert (len(answer.job_ids), answer.failed, answer.says) == (3, {}, "3 retried.")
    done = [entry[2] for entry in audited(bench) if entry[0] == "console.retry" and entry[3] == "done"]
    assert done == ids


def test_a_bulk_that_was_cut_off_does_no_more_in_all_than_one_may(bench):
    failed_one_by_one(bench, 5)

    def kill():
        raise Killed

    with pytest.raises(Killed):
        all_again(bench, 5, submitter=Interrupted(bench, after=kill), most=2)
    answer = all_again(bench, 5, most=2)
    assert (len(answer.job_ids), dead(bench).count) == (2, 3)


def test_a_request_that_was_refused_for_its_count_made_nothing_and_stays_refused(bench):
    failed_one_by_one(bench, 2)
    for _ in range(2):
        with pytest.raises(StateConflict) as refused:
            all_again(bench, 3)
        assert refused.value.extra["now"]["count"] == 2
    assert (number_of_jobs(bench), [entry[3] for entry in audited(bench)]) == (2, ["state_conflict"])


def test_it_ends_before_its_caller_has_gone(bench):
    failed_one_by_one(bench, 4)
    moments = itertools.count(step=LONGEST_S / 2)

    answer = all_again(bench, 4, monotonic_s=lambda: next(moments))
    assert (answer.says, answer.left) == ("2 retried. 2 more are left: retry again.", 2)
