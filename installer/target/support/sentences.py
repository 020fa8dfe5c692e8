"""The product's own sentences: what a line of its log may say. Whatever is none of them is told by its length alone.

A log should never hold what somebody said. A support bundle leaves the site, so here that is not trusted but made so:
of a line only what the code itself says passes, with values that are one short word. The code is read where it lies.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

CUT = "[…]"
_LOGGED = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_PLACEHOLDER = re.compile(r"%[-#0 +]*\d*(?:\.\d+)?[sdrfgxi]")
# ASCII: a sentence of a language without spaces is no word.
_WORD = re.compile(r"[\w.:@/+=#-]{1,80}", re.ASCII)
_FEWEST_LETTERS = 4
_FRAME = re.compile(r'\s*File "[^"]*", line \d+, in [\w<>.]+')
_RAISED = re.compile(
    r"([A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit|Interrupt|Failed|Unavailable))(?::.*)?", re.ASCII
)


class Sentences:
    """The sentences of a product."""

    def __init__(self, templates: Iterable[tuple[str, ...]]) -> None:
        """Know these: each as its fixed parts, with a value between two of them."""
        known = {each for each in templates if sum(map(str.isalpha, "".join(each))) >= _FEWEST_LETTERS}
        # The one with most fixed text first: it says most.
        ordered = sorted(known, key=lambda parts: (-len("".join(parts)), parts))
        self._known = [(parts[0], re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL)) for parts in ordered]

    def cut(self, line: str) -> str:
        """Return what of a line of our own services may leave the site."""
        try:
            document = json.loads(line)
        except ValueError:
            return self._text(line)
        return self._document(document) if isinstance(document, dict) else _length(line)

    def _document(self, document: dict[str, object]) -> str:
        kept: dict[str, object] = {}
        for name, value in document.items():
            if name == "message":
                kept[name] = self._sentence(str(value))
            elif not _WORD.fullmatch(name):
                continue
            elif isinstance(value, int | float | None):
                kept[name] = value
            else:
                kept[name] = _value(str(value))
        return json.dumps(kept, ensure_ascii=False)

    def _text(self, line: str) -> str:
        if line.strip() == "Traceback (most recent call last):" or _FRAME.fullmatch(line):
            return line
        if raised := _RAISED.fullmatch(line.strip()):
            return raised[1]
        said = line.removeprefix("Error: ")
        return f"{line[: len(line) - len(said)]}{self._sentence(said)}"

    def _sentence(self, text: str) -> str:
        for beginning, known in self._known:
            if text.startswith(beginning) and (found := known.fullmatch(text)):
                return _with_values(text, found)
        return _length(text)


def sentences_of(product: Path) -> Iterator[tuple[str, ...]]:
    """Yield the sentences of a product's code: what it logs, and what the errors say that it raises."""
    for file in sorted(product.rglob("*.py")):
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGGED:
                yield from (_parts(each) for each in _first_text(node))
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                yield from _first_text_parts(node.exc)


def _first_text(call: ast.Call) -> Iterator[str]:
    if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
        yield call.args[0].value


def _parts(template: str) -> tuple[str, ...]:
    return tuple(part.replace("%%", "%") for part in _PLACEHOLDER.split(template))


def _first_text_parts(call: ast.Call) -> Iterator[tuple[str, ...]]:
    yield from ((text,) for text in _first_text(call))
    if call.args and isinstance(call.args[0], ast.JoinedStr):
        parts = [""]
        for each in call.args[0].values:
            if isinstance(each, ast.Constant):
                parts[-1] += str(each.value)
            else:
                parts.append("")
        yield tuple(parts)


def _with_values(text: str, found: re.Match[str]) -> str:
    pieces, at = [], 0
    for number in range(1, found.re.groups + 1):
        low, high = found.span(number)
        pieces += [text[at:low], _value(text[low:high])]
        at = high
    return "".join([*pieces, text[at:]])


def _value(value: str) -> str:
    return value if not value or _WORD.fullmatch(value) else CUT


def _length(text: str) -> str:
    return f"[{len(text)} characters]"
