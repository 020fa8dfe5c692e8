"""The real coqui-tts code with a small random checkpoint, in its own process; skipped without it, an error in CI."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.engines.protocols import SPEECH_RATE_HZ, Voice
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import Launch
from installer.xtts_environment import environment_folder, interpreter_of

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("de", "en", "es", "fr")
RUN_FILE = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)
"""In isolated mode, so that the environment's own packages are used and nothing else."""


@pytest.fixture(scope="session")
def xtts_python() -> Path:
    """The interpreter of the environment that `./meeshy xtts install` made."""
    interpreter = interpreter_of(ROOT)
    if interpreter is None:
        reason = f"{environment_folder(ROOT)} is not installed; run ./meeshy xtts install"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return interpreter


@pytest.fixture(scope="session")
def in_environment(xtts_python: Path) -> Callable[..., None]:
    """Run one of our files under the environment's interpreter."""

    def run(file: str, *arguments: str) -> None:
        command = [str(xtts_python), "-I", "-c", RUN_FILE, str(ROOT), str(ROOT / file), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    return run


@pytest.fixture(scope="session")
def toy_folder(in_environment: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two layers with random weights."""
    folder = tmp_path_factory.mktemp("toy-xtts")
    in_environment("appliance/testing/toy_xtts.py", str(folder))
    return folder


@pytest.fixture(scope="session")
def endless(
    xtts_python: Path, in_environment: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Xtts]:
    """A toy that never ends by itself: 600 codes, 7 s of sound, take it some seconds."""
    folder = tmp_path_factory.mktemp("endless-xtts")
    in_environment("appliance/testing/toy_xtts.py", str(folder), "600")
    engine = Xtts(Launch(xtts_python, folder, threads=1), LANGUAGES)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def brief(
    xtts_python: Path, in_environment: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Xtts]:
    """A toy whose utterances are all ten codes long: for tests of many calls."""
    folder = tmp_path_factory.mktemp("brief-xtts")
    in_environment("appliance/testing/toy_xtts.py", str(folder), "10")
    engine = Xtts(Launch(xtts_python, folder, threads=1), LANGUAGES)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def launch(xtts_python: Path, toy_folder: Path) -> Launch:
    """How the toy's process is started, drawing tokens by seed."""
    return Launch(xtts_python, toy_folder, threads=1, rows=16)


@pytest.fixture(scope="session")
def greedy(xtts_python: Path, toy_folder: Path) -> Iterator[Xtts]:
    """The toy, always taking the likeliest token."""
    engine = Xtts(Launch(xtts_python, toy_folder, threads=1, rows=16, greedy=True), LANGUAGES)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def drawing(launch: Launch) -> Iterator[Xtts]:
    """The toy, drawing tokens by the requests' seeds."""
    engine = Xtts(launch, LANGUAGES)
    yield engine
    engine.close()


def speaker(number: int, seconds: float = 3.0) -> np.ndarray:
    """Return a voice-like sound at 16 kHz that differs with the number: harmonics under formants, in syllables."""
    chance = np.random.default_rng(number)
    f0_hz = 90.0 + 22.0 * number
    times_s = np.arange(round(seconds * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    sound = np.zeros_like(times_s)
    formants_hz = (400.0 + 60.0 * number, 1500.0 + 130.0 * number)
    for harmonic in range(1, 25):
        gain = sum(np.exp(-(((harmonic * f0_hz - formant) / 250.0) ** 2)) for formant in formants_hz) + 0.02
        sound += gain * np.sin(2 * np.pi * harmonic * f0_hz * times_s + chance.uniform(0, 6.28))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * (3.0 + 0.3 * number) * times_s)
    sound = sound * syllables + 0.002 * chance.standard_normal(len(sound))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="session")
def voices(greedy: Xtts) -> list[Voice]:
    """The voices of ten speakers, conditioned on two recordings each."""
    return [greedy.match_voice([speaker(number, 1.0), speaker(number, 0.6)], "en") for number in range(10)]


@pytest.fixture(scope="session")
def library_alone(
    in_environment: Callable[..., None], toy_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., list[dict[str, np.ndarray]]]:
    """What coqui-tts itself gives for rows, one `Xtts.inference` after the other, greedy: samples and codes."""

    def alone(rows: list[tuple[str, str, Voice]]) -> list[dict[str, np.ndarray]]:
        folder = tmp_path_factory.mktemp("alone")
        told = [{"text": text, "language": language} for text, language, _ in rows]
        (folder / "rows.json").write_text(json.dumps(told))
        arrays = {f"{place}.{name}": a for place, row in enumerate(rows) for name, a in row[2].arrays.items()}
        np.savez(folder / "voices.npz", **arrays)
        in_environment("tests/xtts/library_alone.py", str(toy_folder), str(folder))
        with np.load(folder / "said.npz") as said:
            return [{"samples": said[f"{n}.samples"], "codes": said[f"{n}.codes"]} for n in range(len(rows))]

    return alone
