"""The real engines do one note without a network, and nothing in them tries to reach one."""

import pytest

from appliance.commands.child_environment import child_environment
from appliance.doctor.air_gap import run_without_network
from appliance.settings import Settings

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def test_the_whole_pipeline_needs_no_network(tmp_path):
    # Without the switches that tell libraries to stay offline: they have nothing to ask in the first place.
    report = run_without_network(child_environment(Settings(data_dir=tmp_path)))

    assert report.failed is None
    assert report.attempts == ()
    assert [step.name for step in report.steps] == ["transcribe", "translate", "speak", "score", "store"]
