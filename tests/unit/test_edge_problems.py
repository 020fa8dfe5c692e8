"""What the edge answers by itself is said as the API says it."""

import json
import re
from pathlib import Path

import pytest

from appliance.errors import MeeshyError

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "ansible/roles/edge/templates/meeshy.conf.j2").read_text()
ANSWERS = re.findall(r"location (@\w+) \{\n([^}]*?)        return (\d+) '(.+)';\n", TEMPLATE)


def errors(kind: type[MeeshyError] = MeeshyError) -> dict[str, type[MeeshyError]]:
    found = {kind.code: kind}
    for each in kind.__subclasses__():
        found |= errors(each)
    return found


@pytest.mark.parametrize(("place", "before", "status", "body"), ANSWERS, ids=lambda value: value[:16])
def test_a_problem_is_one_of_the_api_s_and_who_shall_come_again_is_told_when(place, before, status, body):
    problem = json.loads(body)
    known = errors()[problem["code"]]

    assert (int(status), problem["status"], problem["title"]) == (known.status, known.status, known.title())
    assert problem["type"] == f"/docs#{known.code}"
    assert "default_type application/problem+json;" in before
    assert ("Retry-After" in before) == (known.status in (429, 503))
    assert re.search(rf"error_page [^;]+ {place};", TEMPLATE)


def test_there_are_such_answers():
    assert len(ANSWERS) == 4
