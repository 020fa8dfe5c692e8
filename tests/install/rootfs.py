"""A minimal Debian as an archive, made once from the machine's own package sources and kept outside the checkout."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from appliance.settings import Settings

SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "iproute2", "procps", "openssh-server"
)  # fmt: skip
"""What a server has before anybody installs something on it; Python is what the installer asks for."""
VARIANT = "apt"


def recipe() -> list[str]:
    """Return the command that makes the archive, without its name."""
    return [
        "mmdebstrap",
        "--quiet",
        f"--variant={VARIANT}",
        "--dpkgopt=force-unsafe-io",
        f"--include={','.join(PACKAGES)}",
        SUITE,
    ]


def root_archive(folder: Path | None = None) -> Path:
    """Return the archive, made now if the recipe changed; CalledProcessError where that fails."""
    folder = folder or Settings().models_dir.absolute().parent / "rootfs"
    name = hashlib.sha256("\n".join(recipe()).encode()).hexdigest()[:16]
    place = folder / f"{SUITE}-{name}.tar"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = place.with_suffix(f".{os.getpid()}.partial.tar")
        try:
            subprocess.run([*recipe(), partial], check=True, capture_output=True, text=True)
            partial.rename(place)
        finally:
            partial.unlink(missing_ok=True)
    return place


def missing_tools() -> list[str]:
    """Return the programs that nodes need and this machine lacks."""
    return [each for each in ("mmdebstrap", "systemd-nspawn", "nsenter", "ip") if shutil.which(each) is None]
