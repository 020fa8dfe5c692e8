"""The site's secrets, found where an installation keeps them, so that they can be taken out wherever they turn up."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

FOLDERS = ("etc/meeshy/credentials", "etc/meeshy/site/secrets")
"""Every file in them is a secret."""
FILES = ("var/lib/meeshy/voice.key", "var/lib/meeshy/data/voice.key", "var/lib/meeshy/data/first_key")
LINES_OF = ("etc/meeshy/meeshy.env", "etc/meeshy/inventory", "etc/meeshy/site/runs")
"""Files, or folders of files, in which a line whose name sounds like a secret has one."""
TELLING_NAME = (
    r"[\w.-]*(?:password|passwd|secret|token|credential|(?:api|access|private|deepl|client|voice)_?key)[\w.-]*"
)
SHORTEST = 6
"""A shorter value would take half of every text with it, and is no secret."""
_LARGEST_BYTES = 1 << 20
_PAIR = re.compile(rf"(?i){TELLING_NAME}[\"']?\s*[:=]\s*[\"']?([^\s,{{}}\[\]\"']+)")


def find_secrets(root: Path = Path("/")) -> frozenset[str]:
    """Return every secret of the machine below `root`, in each form that it may have in a text."""
    found: set[str] = set()
    for text in _texts(root, (*FOLDERS, *FILES)):
        for value in (text, *text.splitlines()):
            found.update(_forms(value.strip()))
    for text in _texts(root, LINES_OF):
        for value in _PAIR.findall(text):
            # The name of a file with a secret is none.
            found.update(_forms(value) if not value.startswith("/") else ())
    return frozenset(each for each in found if len(each) >= SHORTEST)


def _texts(root: Path, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        place = root / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            try:
                if path.is_file() and path.stat().st_size <= _LARGEST_BYTES:
                    yield path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue


def _forms(value: str) -> Iterator[str]:
    """Yield a value as it may be written: as it is, quoted, in base64, and of an address its password."""
    if not value:
        return
    yield value
    yield quote(value, safe="")
    yield unquote(value)
    yield json.dumps(value)[1:-1]
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    if "://" in value:
        try:
            password = urlsplit(value).password
        except ValueError:
            return
        if password:
            yield from _forms(password)
