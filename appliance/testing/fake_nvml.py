"""NVIDIA's management library for machines without a GPU: a real shared library, compiled where it is used.

A process finds it by its library path, and what it tells stands in a file that may change while the process runs.
`fake_nvml.c` has the lines of that file.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
NAME = "libnvidia-ml.so.1"


def compiler() -> str | None:
    """Return the machine's C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


@dataclass(frozen=True)
class FakeNvml:
    """The library in a folder, and the file that tells it what to say."""

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what a process needs in its environment to find this library before any other."""
        return {"LD_LIBRARY_PATH": str(self.folder), "FAKE_NVML": str(self._file)}

    def says(self, *lines: str) -> None:
        """Let it answer by these lines from now on, such as `devices 2`; without any, as eight A100 without MIG."""
        aside = self._file.with_suffix(".aside")
        aside.write_text("".join(f"{line}\n" for line in lines))
        aside.replace(self._file)

    @property
    def _file(self) -> Path:
        return self.folder / "says.txt"


def compile_fake_nvml(folder: Path) -> FakeNvml:
    """Compile the library into a folder; CalledProcessError where that fails, LookupError without a compiler."""
    program = compiler()
    if program is None:
        raise LookupError("no C compiler")
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{NAME}"]
    subprocess.run([*command, "-o", str(folder / NAME), str(SOURCE)], check=True, cwd=folder, env=os.environ)
    made = FakeNvml(folder)
    made.says()
    return made
