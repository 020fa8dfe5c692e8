"""From bytes to types: what is unknown is ignored, what is missing is default, what is dangerous is not drawn."""

import json

import msgspec
import pytest

from appliance.admin import schema
from tests.tui import scenes
from tui.wire import OtherVersion, Unreadable, decoded


def body(**changes: object) -> bytes:
    return json.dumps({**msgspec.to_builtins(scenes.degraded()), **changes}).encode()


def test_a_snapshot_comes_back_as_it_was_sent():
    assert decoded(msgspec.json.encode(scenes.degraded()), schema.Snapshot) == scenes.degraded()


def test_a_newer_server_of_the_same_major_version_is_read():
    assert decoded(body(schema="1.7", something_new={"a": 1}), schema.Snapshot).lanes == scenes.degraded().lanes


def test_an_older_server_is_read_with_defaults():
    assert decoded(b'{"schema": "1.0", "sequence": 3}', schema.Snapshot) == schema.Snapshot(sequence=3)


@pytest.mark.parametrize("version", ["2.0", "0.9", "x"])
def test_another_major_version_is_told_with_both(version):
    with pytest.raises(OtherVersion, match=rf"{version}.+{schema.SCHEMA}"):
        decoded(body(schema=version), schema.Snapshot)


def test_a_newer_minor_version_that_cannot_be_read_is_told_as_a_version():
    with pytest.raises(OtherVersion):
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
