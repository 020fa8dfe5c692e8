"""Actions: a question that names target and effect, No under the cursor, one request, and its result in words."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui import scenes
from tests.tui.picture_text import lines_of, press, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.acting import cancel_item, cancel_job, retry_all, retry_job
from tui.app import Console
from tui.source import Conflict, Outage, SourceError
from tui.widgets.confirm import Confirm

Scenario = Callable[[Console, Pilot, ScriptedSource], Awaitable[None]]


def drive(scenario: Scenario, source: ScriptedSource | None = None) -> ScriptedSource:
    source = source or ScriptedSource(scenes.degraded())

    async def run() -> None:
        async with running(source) as (app, pilot):
            await scenario(app, pilot, source)

    asyncio.run(run())
    return source


def notices(app: Console) -> list[tuple[str, str]]:
    return [(notice.title, notice.message) for notice in app._notifications]


def test_the_dialog_names_target_and_effect_and_stands_on_no():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "P")
        text = "\n".join(lines_of(app))
        assert isinstance(app.screen, Confirm)
        assert "Lane hear.p0" in text
        assert "37 waiting, 2 running" in text
        assert "No worker takes new work from it; 2 items in hand" in text
        assert isinstance(app.focused, Button)
        assert app.focused.id == "no"
        await press(pilot, "enter")
        assert not isinstance(app.screen, Confirm)

    assert drive(scenario).actions == []


def test_on_the_overview_capitals_act_on_the_table_that_has_the_keys():
    async def scenario(app, pilot, source):
        await press(pilot, "P")
        assert "Lane hear.p0" in "\n".join(lines_of(app))
        await press(pilot, "n", "D")
        assert not isinstance(app.screen, Confirm)
        assert "tab goes to the workers" in notices(app)[-1][1]
        await press(pilot, "tab", "D")
        text = "\n".join(lines_of(app))
        assert any(f"Worker {worker.id}" in text for worker in scenes.degraded().workers)
        await press(pilot, "n", "P")
        assert not isinstance(app.screen, Confirm)
        assert "tab goes to the lanes" in notices(app)[-1][1]

    assert drive(scenario).actions == []


@pytest.mark.parametrize("key", ["n", "escape"])
def test_no_and_escape_do_nothing(key):
    async def scenario(app, pilot, source):
        await press(pilot, "2", "P", key)
        assert not isinstance(app.screen, Confirm)

    assert drive(scenario).actions == []


def test_a_pause_needs_a_reason_and_is_one_request():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "P", "y")
        assert isinstance(app.screen, Confirm)
        assert app.focused.id == "reason"
        assert "A reason is needed" in "\n".join(lines_of(app))
        await press(pilot, *"yes n", "enter")
        assert app.focused.id == "no"
        await press(pilot, "right", "enter")
        assert ("Pause lane", "hear.p0 is paused.") in notices(app)

    (action,) = drive(scenario).actions
    assert (action.kind, action.target, action.reason) == ("pause", ("hear.p0",), "yes n")
    assert len(action.idempotency_key) > 16


def test_the_dialog_holds_what_was_selected_whatever_moves_behind_it():
    async def scenario(app, pilot, source):
        await press(pilot, "3", "home", "D")
        source.tell(scenes.snapshot(workers=(scenes.worker("another", "busy", "all"),)))
        await settled(pilot)
        assert "Worker gpu0-w2 on box" in "\n".join(lines_of(app))
        await press(pilot, "y", *"gone", "enter", "y")

    (action,) = drive(scenario).actions
    assert (action.kind, action.target) == ("drain", ("gpu0-w2",))


def test_every_dialog_has_a_key_of_its_own():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "down", "P", "y", "P", "y")

    first, second = drive(scenario).actions
    assert first.idempotency_key != second.idempotency_key


def test_what_is_paused_is_resumed_without_a_reason():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "down", "P")
        text = "\n".join(lines_of(app))
        assert "Paused 12m ago by anna: voice model reload" in text
        await press(pilot, "y")

    (action,) = drive(scenario).actions
    assert (action.kind, action.target, action.reason) == ("resume", ("synthesize.p1",), "")


def test_all_dead_letters_are_retried_only_when_their_number_was_typed():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "down", "B", "y")
        assert app.focused.id == "count"
        app.screen.query_one("#count", Input).value = "3"
        app.screen.query_one("#no").focus()
        await press(pilot, "y")
        assert isinstance(app.screen, Confirm)
        app.screen.query_one("#count", Input).value = "2"
        app.screen.query_one("#no").focus()
        await press(pilot, "y")

    (action,) = drive(scenario).actions
    assert (action.kind, action.target, action.expected_count) == ("retry_many", ("synthesize", "1"), 2)


def test_jobs_are_cancelled_and_dead_letters_retried_where_they_are_listed():
    async def scenario(app, pilot, source):
        await press(pilot, "2", "enter", "down", "C", "y")
        await press(pilot, "d", "R", "y")

    cancelled, retried = drive(scenario).actions
    assert (cancelled.kind, cancelled.target) == ("cancel", ("job-0001",))
    assert (retried.kind, retried.target) == ("retry", ("9f31a2",))


def test_a_conflict_is_told_in_the_appliances_words_and_nothing_is_repeated():
    async def scenario(app, pilot, source):
        source.answer = Conflict("synthesize.p1 is open: ben resumed it 3 s ago.")
        await press(pilot, "2", "down", "P", "y")
        assert notices(app) == [("Nothing was changed", "synthesize.p1 is open: ben resumed it 3 s ago.")]

    assert len(drive(scenario).actions) == 1


def test_a_failure_is_told_with_markup_left_alone():
    async def scenario(app, pilot, source):
        source.answer = SourceError("No answer [in time].")
        await press(pilot, "2", "down", "P", "y")
        assert notices(app) == [("Resume lane: not done", "No answer [in time].")]
        assert "[in time]" in "\n".join(lines_of(app))

    drive(scenario)


def test_during_an_outage_action_keys_are_dim_and_do_nothing():
    async def scenario(app, pilot, source):
        await press(pilot, "2")
        assert app.screen.active_bindings["P"].enabled
        source.tell(Outage("offline", "No connection.", 4.0))
        await settled(pilot)
        assert not app.screen.active_bindings["P"].enabled
        await press(pilot, "P")
        assert not isinstance(app.screen, Confirm)
        source.tell(scenes.degraded())
        await settled(pilot)
        assert app.screen.active_bindings["P"].enabled

    drive(scenario)


def test_what_cannot_be_done_is_not_offered():
    assert cancel_item(scenes.item(1, job_id=None)) is None
    assert cancel_job(scenes.job_detail(can_cancel=False)) is None
    assert retry_job(scenes.job_detail()) is None
    assert retry_job(scenes.job_detail(can_retry=True)).target == ("job-0001",)
    assert retry_all(scenes.lane("hear", 0), 0) is None


def test_of_more_dead_letters_than_go_at_once_the_oldest_are_offered():
    async def scenario(app, pilot, source):
        lane = scenes.lane("hear", 0, dead=637)
        source.tell(msgspec.structs.replace(scenes.degraded(), lanes=(lane,)))
        await settled(pilot)
        await press(pilot, "2", "B")
        text = " ".join(line.strip("┃ ") for line in lines_of(app))
        assert "The oldest 500 become new jobs" in text
        assert "the others are left for another time" in text
        assert "type 637 to confirm" in text
        assert "Retry 500 (y)" in text
        app.screen.query_one("#count", Input).value = "637"
        app.screen.query_one("#no").focus()
        await press(pilot, "y")

    (action,) = drive(scenario).actions
    assert (action.kind, action.target, action.expected_count) == ("retry_many", ("hear", "0"), 637)


def test_as_many_as_go_at_once_are_all_offered():
    assert "All 500 become" in retry_all(scenes.lane("hear", 0), 500).effect
    assert "The oldest 500 become" in retry_all(scenes.lane("hear", 0), 501).effect


def test_no_dialog_shows_markup_of_a_name():
    async def scenario(app, pilot, source):
        await press(pilot, "3", "D")
        assert "Worker [red]w[/red] on box" in "\n".join(lines_of(app))

    worker = scenes.worker("[red]w[/red]", "idle", "all")
    drive(scenario, ScriptedSource(scenes.snapshot(workers=(worker,))))


def test_a_worker_that_drains_is_undrained():
    worker = scenes.worker("w", "drained", "all", draining=True)

    async def scenario(app, pilot, source):
        await press(pilot, "3", "D", "y")

    (action,) = drive(scenario, ScriptedSource(scenes.snapshot(workers=(worker,)))).actions
    assert (action.kind, action.target) == ("undrain", ("w",))
