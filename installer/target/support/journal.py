"""The journal of the units: what systemd says of them as it is, what the appliance says by the product's sentences."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

OURS = (
    "meeshy-api.service", "meeshy-housekeeping.service", "meeshy-pool.service", "meeshy-objects.service",
    "meeshy-firewall.service", "meeshy-gpu.service",
)  # fmt: skip
BESIDE = (
    "postgresql.service", "postgresql@15-meeshy.service", "redis-server@meeshy.service", "nginx.service",
    "chrony.service",
    "meeshy-prometheus.service", "meeshy-node-exporter.service",
)  # fmt: skip
_SYSTEMD = "1"


def told_lines(raw: str, cut: Callable[[str], str]) -> str:
    """Return journalctl's JSON lines as text; whatever systemd did not say itself goes through `cut`."""
    lines = []
    for line in raw.splitlines():
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
            said = message if by_systemd else " / ".join(map(cut, message.splitlines()))
        at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
        who = "systemd" if by_systemd else f"[{entry.get('_PID', '?')}]"
        lines.append(f"{at} {who} {said}")
    return "\n".join(lines) + "\n"
