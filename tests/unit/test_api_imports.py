import subprocess
import sys

HEAVY = {
    "numpy",
    "av",
    "scipy",
    "ctranslate2",
    "onnxruntime",
    "faster_whisper",
    "argostranslate",
    "kokoro_onnx",
    "torch",
}


def test_the_api_process_loads_no_model_library() -> None:
    code = "import sys, appliance.api.app, appliance.api.server, appliance.access.commands; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert HEAVY.isdisjoint(name.split(".")[0] for name in loaded)
    assert not [name for name in loaded if name.startswith(("appliance.engines", "appliance.stages"))]
