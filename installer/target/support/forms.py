"""Logs of the programs beside the appliance: only lines in the program's own form pass, without what they quote."""

import re
from collections.abc import Mapping

from installer.target.support.sentences import CUT

FORMS: Mapping[str, re.Pattern[str]] = {
    "postgresql": re.compile(
        r"\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] (?:\S+@\S+ )?(?:LOG|WARNING|ERROR|FATAL|PANIC):  "
        r"(?!duration|statement|execute).*"
    ),
    "nginx": re.compile(r"\d{4}/\d\d/\d\d [\d:]+ \[\w+\] \d+#\d+: .*"),
    "redis": re.compile(r"\d+:[A-Z] \d\d \w{3} \d{4} [\d:.]+ [*#.-] .*"),
}
"""How a line begins. PostgreSQL's DETAIL, STATEMENT, CONTEXT and HINT, which show rows, have no form here."""
_QUOTED = re.compile(r"\"[^\"]*\"?|'[^']*'")
_NAME = re.compile(r"[\"'][a-z0-9_.]{1,63}[\"']")
_SENT = {
    "postgresql": re.compile(r"(COPY|syntax for type [\w ]+:|parameters?:|DETAIL:|QUERY:).*"),
    # Whoever asked, for which name, and what: all that follows is theirs.
    "nginx": re.compile(r"(, client:).*"),
}
"""From where on a line holds what somebody sent."""


def cut_form(program: str, line: str) -> str:
    """Return what of a program's line may leave the site; of another line only its length."""
    if not FORMS[program].fullmatch(line):
        return f"[{len(line)} characters]"
    # First of all: a quote within what was sent would end the quoting.
    told = _SENT[program].sub(rf"\1 {CUT}", line) if program in _SENT else line
    return _QUOTED.sub(lambda found: found[0] if _NAME.fullmatch(found[0]) else CUT, told)
