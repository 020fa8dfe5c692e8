"""The doctor's run without a network, with scripted engines of which one tries something.

`python -m appliance.testing.scripted_doctor WHAT [LIBRARY]`: nothing, python, name, datagram, unix, native (by the
library that `compile_dialler` makes), program (another process), failing.
"""

import ctypes
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.doctor.child import main
from appliance.settings import Settings
from appliance.testing.fake_nvml import compiler

SOURCE = Path(__file__).with_name("dialler.c")
NAME = "libdialler.so"
OUTSIDE, PORT = "192.0.2.7", 443
"""An address that documentation has to itself."""


def compile_dialler(folder: Path) -> Path:
    """Compile the library that dials natively into a folder and return its path; LookupError without a compiler."""
    program = compiler()
    if program is None:
        raise LookupError("no C compiler")
    subprocess.run(
        [program, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(folder / NAME), str(SOURCE)],
        check=True, env=os.environ,
    )  # fmt: skip
    return folder / NAME


def attempt(what: str, library: str) -> None:
    """Try it; nothing is reached, and whoever tries does not mind."""
    with suppress(OSError):
        if what == "python":
            socket.create_connection((OUTSIDE, PORT), 1).close()
        elif what == "name":
            socket.getaddrinfo("models.example.org", PORT)
        elif what == "datagram":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
                made.sendto(b"x", (OUTSIDE, PORT))
        elif what == "unix":
            _by_unix_sockets()
        elif what == "native":
            ctypes.CDLL(library).dial(OUTSIDE.encode(), PORT)
        elif what == "program":
            code = f"import socket; socket.socket().connect_ex(({OUTSIDE!r}, {PORT}))"
            subprocess.run([sys.executable, "-c", code], check=False)
        elif what == "failing":
            raise ValueError("what somebody said")


def _by_unix_sockets() -> None:
    one, other = socket.socketpair()
    with one, other, tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/socket")
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{folder}/socket")
            one.sendall(b"x")


def prepare(settings: Settings) -> tuple[Any, Any]:
    """Return scripted engines of which the one that speaks tries something, and a scripted recording."""
    from dataclasses import replace

    from appliance.engines.protocols import SpeakRequest
    from appliance.storage.database import Database
    from appliance.testing.engines import ScriptedSynthesizer, scripted_speech
    from appliance.testing.scripted_child import ScriptedAssembly

    what, library = [*sys.argv[1:-1], ""][:2]

    class Trying(ScriptedSynthesizer):
        def speak(self, batch: list[SpeakRequest]) -> Any:
            attempt(what, library)
            return super().speak(batch)

    def build(settings: Settings, database: Database) -> ScriptedAssembly:
        made = ScriptedAssembly(settings, database)
        made.context = replace(made.context, engines=replace(made.context.engines, synthesizer=Trying()))
        return made

    return build, scripted_speech("good morning")


if __name__ == "__main__":
    sys.exit(main(prepare))
