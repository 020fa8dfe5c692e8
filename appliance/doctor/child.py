"""The process that runs the pipeline behind the walls: `python -m appliance.doctor.child DESCRIPTOR`.

It tells its parent, by messages on a socket of this machine, first the witness's descriptor, then what its own Python
tried, and at last what came of the run.
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from appliance.doctor.overhearing import overhear
from appliance.doctor.walls import leave_network, post_witness
from appliance.errors import MeeshyError
from appliance.settings import Settings

WITNESS = b"witness"

Prepare = Callable[[Settings], tuple[Any, Any]]
"""Imports and returns what builds the engines, and a recording; called when the walls are up."""


def main(prepare: Prepare) -> int:
    """Run one note, and tell the parent what there is to tell."""
    descriptor = int(sys.argv[-1])
    link = socket.socket(fileno=descriptor)

    def tell(**message: Any) -> None:
        # Not by the socket object, which the listening to sockets would hear.
        os.write(descriptor, msgspec.json.encode(message))

    try:
        leave_network()
        witness = post_witness()
        socket.send_fds(link, [WITNESS], [witness])
        # One holder alone: once the parent listens no more, calls are refused and wait for nobody.
        os.close(witness)
        overhear(lambda what, where, thread: tell(tried=what, where=where, thread=thread))
        tell(steps=_steps(prepare))
    except MeeshyError as failure:
        tell(failed=failure.detail)
    except Exception as failure:  # noqa: BLE001 - the boundary of the process
        # Only the kind: the text of an engine's failure may quote what was said.
        tell(failed=f"{type(failure).__name__} in an engine.")
    return 0


def _steps(prepare: Prepare) -> Any:
    # Not above: these load libraries that start threads and talk, which must happen behind the walls.
    from appliance.bench.trial import opened_trial
    from appliance.doctor.pipeline import run_note

    settings = Settings()
    build, recording = prepare(settings)
    with opened_trial(settings, build) as trial:
        return run_note(trial, recording)


def real_engines(settings: Settings) -> tuple[Any, Any]:
    """Return the appliance's own engines, and the recording of its demonstration."""
    from scipy.io import wavfile

    from appliance.catalog.store import ModelStore
    from appliance.voices.measures import to_speech_rate
    from appliance.workers.assembly import assemble

    rate_hz, samples = wavfile.read(ModelStore(settings).require("demo-recording") / "jfk.wav")
    return assemble, to_speech_rate((samples / 32768.0).astype("float32"), rate_hz)


if __name__ == "__main__":
    sys.exit(main(real_engines))
