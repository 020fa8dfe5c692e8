"""From bytes to types: what is unknown is ignored, what is missing is default, what is dangerous is not drawn."""

import json

import msgspec
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tui.versions import SECTIONS
from tui.wire import OtherVersion, Unreadable, decoded


def body(**changes: object) -> bytes:
    return json.dumps({**msgspec.to_builtins(scenes.degraded()), **changes}).encode()


def test_a_snapshot_comes_back_as_it_was_sent():
    assert decoded(msgspec.json.encode(scenes.degraded()), schema.Snapshot) == scenes.degraded()


def test_a_newer_server_of_the_same_major_version_is_read():
    assert decoded(body(schema="1.7", something_new={"a": 1}), schema.Snapshot).lanes == scenes.degraded().lanes


def test_of_an_older_server_is_known_which_parts_it_does_not_tell():
    document = {name: value for name, value in json.loads(body()).items() if name not in ("workers", "rates")}
    older = decoded(json.dumps(document).encode(), schema.Snapshot)

    assert older.lanes == scenes.degraded().lanes
    assert older.not_told == ("workers", "rates")
    assert decoded(b'{"schema": "1.0", "sequence": 3}', schema.Snapshot).not_told == SECTIONS
    # As a recording keeps it.
    assert decoded(msgspec.json.encode(older), schema.Snapshot) == older


def test_a_part_that_is_empty_is_told():
    assert type(decoded(msgspec.json.encode(schema.Snapshot()), schema.Snapshot)) is schema.Snapshot


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("2.0", "Update this console"),
        ("10.3", "Update this console"),
        ("0.9", "Update the appliance"),
        ("x", "Which is newer is not known"),
        ("1", "Which is newer is not known"),
        ("1.\u00b2", "Which is newer is not known"),
        ("2.0\x1b[2J", "Which is newer is not known"),
    ],
)
def test_another_major_version_is_told_with_both_and_which_side_to_update(version, advice):
    with pytest.raises(OtherVersion) as other:
        decoded(body(schema=version), schema.Snapshot)

    said = str(other.value)
    assert said.startswith(advice)
    assert f"version {version.replace(chr(27), '?')} to consoles, this console reads {schema.SCHEMA}" in said


def test_a_newer_minor_version_that_cannot_be_read_is_told_as_a_version():
    with pytest.raises(OtherVersion, match="Update this console"):
        decoded(body(schema="1.9", lanes="none"), schema.Snapshot)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"\xff\xfe", b'{"schema": 1}', b"{}", b'{"schema": "1.0", "lanes": 3}', b"[" * 9_000],
)
def test_what_is_no_snapshot_is_refused(body):
    with pytest.raises(Unreadable):
        decoded(body, schema.Snapshot)


def test_no_text_of_a_server_moves_the_cursor_or_turns_the_line_around():
    evil = "a\x1b[2J\x9b31m\u202eb\nc\u2028d\x7f"
    worker = decoded(json.dumps({"id": evil, "role": "große Halle 日本"}).encode(), schema.Worker)

    assert worker.id == "a?[2J?31m?b c d?"
    assert worker.role == "große Halle 日本"
