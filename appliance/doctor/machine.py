"""What the doctor measures of this host itself."""

import os
import tempfile
import time
from pathlib import Path

from cryptography import x509

CERTIFICATE = Path("/etc/meeshy/tls/node.pem")
"""Where an installation puts the host's certificate (docs/install.md)."""
DAY_S = 86400.0
_SYNCS = 20
_WRITE_BYTES = 4096


def certificate_days(now_s: float, file: Path) -> float | None:
    """Return for how many days a host's certificate is valid still, negative after its end; None without one."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    return (x509.load_pem_x509_certificate(raw).not_valid_after_utc.timestamp() - now_s) / DAY_S


def sync_ms(folder: Path) -> float:
    """Return the median time that a small write takes until it is on the disk, in a file without a name."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    taken_s = []
    with tempfile.TemporaryFile(dir=there) as file:
        for _ in range(_SYNCS):
            file.write(b"x" * _WRITE_BYTES)
            file.flush()
            began_s = time.monotonic()
            os.fdatasync(file.fileno())
            taken_s.append(time.monotonic() - began_s)
    return sorted(taken_s)[_SYNCS // 2] * 1000
