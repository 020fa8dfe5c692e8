import subprocess
import sys

HEAVY = {"av", "numpy", "scipy", "ctranslate2", "onnxruntime", "torch"}


def test_what_the_api_imports_of_audio_loads_no_heavy_library():
    code = (
        "import sys; import appliance.audio.decoder, appliance.audio.formats, appliance.audio.wav; "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not HEAVY & set(loaded)
