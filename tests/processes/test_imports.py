"""What a process loads: the API's and the commands' no model library, what the API needs of audio nothing heavy."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numpy", "scipy", "av", "ctranslate2", "onnxruntime", "faster_whisper", "argostranslate", "kokoro_onnx", "torch",
}  # fmt: skip


def loaded_by(code: str) -> list[str]:
    """Return the names of all modules that a fresh process has after running this."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], check=True, capture_output=True, text=True,
        cwd=ROOT,
    )  # fmt: skip
    return done.stdout.split()


def heavy(loaded: list[str]) -> set[str]:
    return HEAVY & {name.split(".")[0] for name in loaded}


def test_the_api_process_loads_no_model_library():
    loaded = loaded_by("import appliance.api.app, appliance.api.server, appliance.access.commands")

    assert heavy(loaded) == set()
    assert not [name for name in loaded if name.startswith(("appliance.engines", "appliance.stages"))]


def test_what_the_api_imports_of_audio_loads_no_heavy_library():
    assert heavy(loaded_by("import appliance.audio.decoder, appliance.audio.formats, appliance.audio.wav")) == set()


def test_no_command_loads_a_model_library_at_import():
    loaded = loaded_by(
        "import importlib; from appliance.cli import COMMANDS; "
        "[importlib.import_module(module) for module, _ in COMMANDS.values()]"
    )

    assert "appliance.api.app" in loaded
    assert heavy(loaded) == set()
