"""The appliance's status without the names of people: an operator's key is called after whoever has it."""

import json

from installer.target.support.sentences import CUT


def without_names(raw: str) -> str:
    """Return the document of `meeshy status --json` without who paused what; ValueError for any other text."""
    document = json.loads(raw)
    figures = document.get("figures") if isinstance(document, dict) else None
    for pause in (figures or {}).get("pauses", ()):
        pause["actor"] = CUT
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
