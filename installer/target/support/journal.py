"""The journal of the units: what systemd says of them, and of what they say themselves the product's sentences."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

from installer.target.support.sentences import CUT

OURS = (
    "meeshy-api.service", "meeshy-housekeeping.service", "meeshy-pool.service", "meeshy-objects.service",
    "meeshy-firewall.service", "meeshy-gpu.service", "meeshy-edge-purge.service",
)  # fmt: skip
BESIDE = (
    "postgresql.service", "postgresql@15-meeshy.service", "redis-server@meeshy.service", "nginx.service",
    "chrony.service",
    "meeshy-prometheus.service", "meeshy-node-exporter.service",
)  # fmt: skip
_SYSTEMD = "1"
_UNIT = r"[\w@.\\:-]+\.(?:service|target|timer|socket|scope|slice|mount|path|swap|device)"
_OF_A_UNIT = re.compile(rf"{_UNIT}: .*")
_QUOTED = re.compile(r"\"[^\"]*\"?|'[^']*'?")
_NAME = re.compile(r"[\"'][a-z0-9-]{1,40}[\"']")
_WITH_DESCRIPTION = re.compile(rf"([A-Z][a-z]+(?: [a-z]+){{0,2}} {_UNIT})(?: - .*|\.{{0,3}})")


def told_lines(raw: str, cut: Callable[[str], str]) -> str:
    """Return journalctl's JSON lines as text; what systemd did not say itself goes through `cut`."""
    # By the line feed alone: what somebody said may hold other signs that pass for the end of a line.
    lines = []
    for line in raw.split("\n"):
        try:
            entry = json.loads(line)
            at_s = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        except (ValueError, KeyError, TypeError):
            continue
        message, by_systemd = entry.get("MESSAGE"), entry.get("_PID") == _SYSTEMD
        if not isinstance(message, str):
            # The journal gives what is no text as a list of bytes.
            said = f"[{len(message or ())} bytes]"
        else:
            said = _of_systemd(message) if by_systemd else " / ".join(map(cut, message.split("\n")))
        at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
        who = "systemd" if by_systemd else f"[{entry.get('_PID', '?')}]"
        lines.append(f"{at} {who} {said}")
    return "\n".join(lines) + "\n"


def _of_systemd(message: str) -> str:
    """Return what systemd says of a unit, without its description: of a passing unit that is a whole command line."""
    if _OF_A_UNIT.fullmatch(message):
        return _QUOTED.sub(lambda quoted: quoted[0] if _NAME.fullmatch(quoted[0]) else CUT, message)
    found = _WITH_DESCRIPTION.fullmatch(message)
    return found[1] if found else f"[{len(message)} characters]"
