"""One bad row never takes its batch-mates with it."""

from collections.abc import Sequence

import numpy as np

from appliance.engines.whisper_rows import Row, together_or_alone
from appliance.engines.whisper_windows import Span, Window
from appliance.errors import AudioEmpty, EngineFailed


def row() -> Row:
    window = Window(0.0, 1.0, (Span(0.2, 0.8),))
    return Row(np.zeros(16_000, dtype=np.float32), window, "transcribe", 30.0)


class Step:
    """A step that refuses every call with the poisoned row in it, as CTranslate2 refuses a whole batch."""

    def __init__(self, poisoned: Row | None = None, error: Exception | None = None) -> None:
        self.poisoned = poisoned
        self.error = error or RuntimeError("bad row")
        self.done: list[Row] = []
        self.calls = 0

    def __call__(self, rows: Sequence[Row]) -> None:
        self.calls += 1
        if self.poisoned in rows:
            raise self.error
        self.done.extend(rows)


def test_given_good_rows_then_they_go_together_in_one_call() -> None:
    rows, step = [row(), row(), row()], Step()

    together_or_alone(rows, step)

    assert step.calls == 1
    assert step.done == rows


def test_given_one_poisoned_row_then_it_alone_fails_and_the_others_are_done() -> None:
    rows = [row(), row(), row()]
    step = Step(poisoned=rows[1], error=ValueError("wrong shape"))

    together_or_alone(rows, step)

    assert step.done == [rows[0], rows[2]]
    assert isinstance(rows[1].error, EngineFailed)
    assert rows[0].error is rows[2].error is None


def test_given_a_row_that_failed_before_then_later_steps_leave_it_out() -> None:
    rows, step = [row(), row()], Step()
    rows[0].error = AudioEmpty()

    together_or_alone(rows, step)

    assert step.done == [rows[1]]


def test_given_only_failed_rows_then_the_model_is_not_called() -> None:
    failed, step = row(), Step()
    failed.error = AudioEmpty()

    together_or_alone([failed], step)

    assert step.calls == 0
