"""What the edge answers by itself is said as the API says it."""

from pathlib import Path

import pytest
import yaml

from appliance.errors import MeeshyError

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = yaml.safe_load((ROOT / "ansible/roles/edge/vars/main.yml").read_text())["edge_problems"]


def errors(kind: type[MeeshyError] = MeeshyError) -> dict[str, type[MeeshyError]]:
    found = {kind.code: kind}
    for each in kind.__subclasses__():
        found |= errors(each)
    return found


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[2])
def test_status_code_and_sentence_are_the_api_s_and_who_shall_come_again_is_told_when(problem):
    _, status, code, title, retry_s = problem
    known = errors()[code]

    assert (status, title) == (known.status, known.title())
    assert (retry_s > 0) == (status in (429, 503))


def test_each_is_led_to_by_an_error_page():
    template = (ROOT / "ansible/roles/edge/templates/meeshy.conf.j2").read_text()

    assert all(f"@{name};" in template for name, *_ in PROBLEMS)
