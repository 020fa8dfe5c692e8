"""The replay on a short stream: the real stages, library and idle work say the same as the documents do."""

from pathlib import Path

from appliance.bench.phrases.curve import curve
from appliance.bench.phrases.replay import replay
from appliance.settings import Settings


def test_a_short_stream_is_replayed_with_growth_and_without(tmp_path: Path) -> None:
    replayed = replay(Settings(data_dir=tmp_path), lambda _: None, count=200)

    assert replayed.check == ""
    assert [window.sentences >= 100 for window in replayed.growing] == [True, True]
    assert replayed.control == replayed.control_again
    assert all(window.grown_hits == 0 for window in replayed.control)
    assert replayed.growing[1].grown_hits > replayed.growing[0].grown_hits
    assert replayed.growing[1].size > replayed.growing[0].size > replayed.control[1].size
    assert "with growth" in str(curve(replayed).renderables[1])
