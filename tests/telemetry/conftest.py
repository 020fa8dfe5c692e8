"""Stand-ins and tools of the telemetry's tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.testing.fake_nvml import FakeNvml
from tests.services import fake_nvml as fake_nvml

READER = """
import sys, msgspec
from appliance.gpus.nvml import Nvml
library = Nvml()
for _ in sys.stdin:
    print(msgspec.json.encode(library.read()).decode(), flush=True)
library.close()
"""


class Reader:
    """A process that reads the GPUs whenever it is told to, with the stand-in in its library path."""

    def __init__(self, library: FakeNvml) -> None:
        self.library = library
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER], env={**os.environ, **library.environment}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip

    def read(self, *says: str) -> dict:
        """Return the next reading, with the library saying this."""
        self.library.says(*says)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


@pytest.fixture
def reader(fake_nvml: FakeNvml) -> Iterator[Reader]:
    reader = Reader(fake_nvml)
    yield reader
    reader.close()
