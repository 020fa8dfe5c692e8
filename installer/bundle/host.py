"""What this machine is, compared with what a bundle was made for."""

import platform
import shlex
import subprocess
from pathlib import Path

from installer.bundle.metadata import Host
from installer.bundle.refusal import WrongHost

OS_RELEASE = Path("/etc/os-release")
INTERPRETER = "/usr/bin/python3"
"""The system's interpreter: virtual environments are made from it, whichever Python runs this program."""


def this_host(os_release: Path = OS_RELEASE, interpreter: str = INTERPRETER) -> Host:
    """Return what this machine is; WrongHost where it does not tell."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
        fields = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        name = "-".join(shlex.split(fields[key])[0] for key in ("ID", "VERSION_ID"))
        code = "import platform; print(platform.python_version())"
        asked = subprocess.run([interpreter, "-I", "-c", code], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, KeyError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise WrongHost(f"This machine does not tell its system or its Python: {error}.") from None
    return Host(name, platform.machine(), asked.stdout.strip())


def check_host(wanted: Host, found: Host) -> None:
    """Raise WrongHost naming everything that differs.

    The patch version of Python counts: a package may need others on 3.11.2 than on 3.11.7, and the bundle carries
    those of one.
    """
    pairs = (("system", wanted.os, found.os), ("architecture", wanted.architecture, found.architecture),
             ("Python", wanted.python, found.python))  # fmt: skip
    wrong = [f"{name}: made for {want}, this is {have}" for name, want, have in pairs if want != have]
    if wrong:
        raise WrongHost("; ".join(wrong) + ".")
