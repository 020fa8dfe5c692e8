"""A voice profile on the embedded appliance as real processes, through deaths of the worker and of everything."""

import os
import signal
from pathlib import Path

from tests.processes.conftest import eventually
from tests.processes.person import Person, wav_of


def test_kill_9_loses_no_sample_and_judges_none_twice(scripted):
    appliance = scripted(sla_s=0.05)
    alice = Person(appliance)
    alice.send(alice.ask(), "consent")
    assert eventually(alice.judged, "the consent is judged")["state"] == "active"

    for number in range(3):
        alice.send(f"sample {number}")
        for child in _children(appliance.process.pid):
            os.kill(child, signal.SIGKILL)
    alice.send("the last sample")
    appliance.kill()
    appliance.start()

    profile = eventually(alice.judged, "all samples are judged")
    assert [sample["state"] for sample in profile["samples"]] == ["accepted"] * 5
    assert profile["version"] == len(profile["versions"]) == 5
    job = appliance.finished(appliance.submit(wav_of("good morning"), "fr"))
    assert job["targets"][0]["receipt"]["voice"]["profile_version"] == 5
    assert alice.erase()["complete"] is True
    data = Path(appliance.settings.data_dir)
    assert list((data / "objects" / "voice").rglob("*.s16")) == []
    assert not [path for path in (data / "objects" / "voice").rglob("*") if path.is_file()]


def _children(pid: int) -> list[int]:
    """Return the worker children of a process, whichever of its threads started them."""
    listings = Path(f"/proc/{pid}/task").glob("*/children")
    everyone = {int(child) for listing in listings for child in listing.read_text().split()}
    return [child for child in everyone if b"scripted_child" in Path(f"/proc/{child}/cmdline").read_bytes()]
