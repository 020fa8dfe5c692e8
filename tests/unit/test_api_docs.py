import re
from pathlib import Path

from appliance.admin.schema import PauseRequest, RetryManyRequest
from appliance.api.app import ROUTES
from appliance.api.bodies import TranslateAsyncJson
from appliance.api.learning_wire import FeedbackIn, SignalsIn
from appliance.api.profile_bodies import ProfileIn, SampleJson
from appliance.errors import every_error

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_error_table_is_the_error_tree() -> None:
    text = (DOCS / "errors.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", text, re.MULTILINE)

    assert rows == [(kind.code, str(kind.status), kind.title()) for kind in every_error()]


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in every_error()]

    assert len(codes) == len(set(codes))


def test_every_route_is_documented_and_nothing_else_is() -> None:
    text = (DOCS / "api.md").read_text()
    served = {
        f"{method} {re.sub(r':[a-z]+}', '}', path)}"
        for handler in ROUTES
        if handler.resolve_include_in_schema()
        for method in handler.http_methods
        for path in handler.paths
    }

    documented = set(re.findall(r"`((?:GET|HEAD|POST|DELETE) /[^`]*)`", text))

    assert documented == served


def test_every_field_of_a_request_is_documented() -> None:
    text = (DOCS / "api.md").read_text()

    fields = {
        name
        for kind in (TranslateAsyncJson, FeedbackIn, SignalsIn, ProfileIn, SampleJson, PauseRequest, RetryManyRequest)
        for name in kind.__struct_fields__
    }

    assert not [name for name in fields if f"`{name}`" not in text]
