"""What a report has to say about the machine, so that its figures can be compared with another's."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "MKL_NUM_THREADS", "CT2_USE_MKL")
RUNTIMES = ("ctranslate2", "faster-whisper", "onnxruntime", "numpy")


def machine(threads: int) -> dict[str, Any]:
    """Return the host with runtimes and thread pools as plain data; `threads` is what every engine is given."""
    return host(RUNTIMES) | {
        "threads": {
            "whisper_intra": threads,
            "translation_workers": threads,
            "translation_intra": 1,
            "onnxruntime_intra": threads,
            "onnxruntime_spinning": False,
            **{name: os.environ.get(name) for name in THREAD_VARIABLES},
        },
    }


def host(runtimes: Sequence[str]) -> dict[str, Any]:
    """Return cores, load and the versions of these distributions as plain data."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "load_1_min": round(os.getloadavg()[0], 2),
        "cpu_pressure_10_s": _cpu_pressure(),
        "python": platform.python_version(),
        "runtimes": {name: version(name) for name in runtimes},
    }


def _cpu_pressure() -> float | None:
    """Return the percentage of the last 10 s in which something waited for a core, None where Linux does not say."""
    try:
        line = Path("/proc/pressure/cpu").read_text(encoding="utf-8").split("\n")[0]
    except OSError:
        return None
    return float(dict(field.split("=") for field in line.split()[1:])["avg10"])


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
