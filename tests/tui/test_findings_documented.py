"""Findings: each kind stands in the table of docs/console.md, and no row of it is of none."""

import re
from pathlib import Path

from tui.remedies import REMEDIES

ROWS = {
    "unserved": "no living worker takes a stage",
    "unspoken": "no worker has spoken since its start",
    "silent": "a worker is silent",
    "late": "a lane's oldest item is past its SLA",
    "in time": "a priority is in time with less than",
    "paused": "a lane is paused",
    "dead": "dead letters",
    "refused": "requests are refused",
    "closed": "a priority takes nothing",
    "errors": "requests fail",
    "gpu lost": "a GPU is lost",
    "gpu errors": "reports ECC errors",
    "gpu hot": "a GPU has more than 85 degrees",
    "gpu full": "memory at 97 %",
    "gpu host": "a host's GPUs are not read any more",
    "clock": "the appliance's clock is more than",
    "untold": "parts of the picture are missing",
    "newer": "the appliance's version is another one",
    "older": "the appliance's version is another one",
    "wer": "its WER rose by more than",
    "similarity": "less alike by more than",
    "attention": "what `meeshy status` asks for",
}
"""What the row of a kind says in its first column."""
DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/console.md").read_text()


def rows() -> list[str]:
    """Return the first column of the table of findings."""
    (table,) = re.findall(r"^\| finding \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    return [row.split("|")[1].strip() for row in table.splitlines()]


def test_each_kind_of_finding_has_its_row_and_each_row_is_of_one():
    assert ROWS.keys() == {*REMEDIES, "attention"}
    assert [words for words in ROWS.values() if sum(words in row for row in rows()) != 1] == []
    assert [row for row in rows() if not any(words in row for words in ROWS.values())] == []
