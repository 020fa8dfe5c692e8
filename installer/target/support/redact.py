"""Takes secrets out of texts: those of this site by their values, and whatever has the form of one."""

import re
from collections import Counter
from collections.abc import Collection

from installer.target.support.secrets import TELLING_NAME

SECRET, QUERY = "[secret]", "[query]"
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), SECRET),
    (re.compile(r"\bmk_[0-9a-f]{16}_[0-9a-f]{16,}"), SECRET),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), SECRET),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|x-api-key|(?:set-)?cookie)(\s*[:=]\s*)[^\n\"']+"), rf"\1\2{SECRET}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{6,}"), rf"\1 {SECRET}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@\"']*:[^@\s\"']+@", re.IGNORECASE), rf"\1{SECRET}@"),
    (re.compile(rf"(?i)([\"']{TELLING_NAME}[\"']\s*:\s*)\"(?:[^\"\\]|\\.)+\""), rf'\1"{SECRET}"'),
    # A number of a few digits counts something.
    (re.compile(rf"(?i)\b({TELLING_NAME}\s*[:=]\s*)(?!\d{{1,6}}\b)(?!\[secret\])[^\s\"',;}}]+"), rf"\1{SECRET}"),
)
_QUERY = re.compile(r"(/[^\s\"'?]*)\?[^\s\"']+")


class Redactor:
    """Takes out and counts; the counts tell support that something was there, and nothing of it."""

    def __init__(self, secrets: Collection[str]) -> None:
        """Know these values."""
        # The longest first: one may be a part of another.
        words = sorted(secrets, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, words))) if words else None
        self.counts: Counter[str] = Counter()

    def clean(self, text: str) -> str:
        """Return the text without secrets and without queries of addresses."""
        if self._values is not None:
            text, number = self._values.subn(SECRET, text)
            self.counts["values"] += number
        for pattern, instead in _PATTERNS:
            text, number = pattern.subn(instead, text)
            self.counts["patterns"] += number
        text, number = _QUERY.subn(rf"\1?{QUERY}", text)
        self.counts["queries"] += number
        return text
