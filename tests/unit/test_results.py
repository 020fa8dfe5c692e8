"""How a finished job is shown."""

import io

import pytest
from rich.console import Console

from appliance.commands.results import document_of, show
from appliance.errors import CommandFailed


def test_brackets_in_what_was_said_are_shown_as_they_are():
    shown = io.StringIO()
    source = {"language": "en", "text": "[applause] Thank you [/b]", "duration_s": 1.0}
    show({"source": source, "targets": []}, Console(file=shown, width=100))
    assert "[applause] Thank you [/b]" in shown.getvalue()


def test_a_target_without_audio_and_without_an_error_is_shown_by_its_state():
    shown = io.StringIO()
    source = {"language": "en", "text": "Hello", "duration_s": 1.0}
    cancelled = {"language": "fr", "state": "cancelled", "error": None, "receipt": None}
    show({"source": source, "targets": [cancelled]}, Console(file=shown, width=100))
    assert "fr · cancelled" in shown.getvalue()


def test_a_job_that_heard_nothing_ends_in_one_sentence():
    job = {"state": "failed", "source": None, "targets": [], "error": {"code": "engine_failed", "detail": "It broke."}}
    with pytest.raises(CommandFailed, match=r"It broke\. \(engine_failed\)"):
        document_of(job, {}, 1.0)
