"""The server that plays appliances of other versions: over real connections, exchanged while it runs."""

import json

import httpx

from appliance.testing.console_server import PREFIX, ConsoleServer


def test_it_tells_what_it_is_given_and_streams_it_until_it_is_taken_away():
    with ConsoleServer({"schema": "1.9"}, interval_s=0.01) as server:
        address = server.address + PREFIX
        assert httpx.get(f"{address}snapshot").json() == {"schema": "1.9"}
        assert httpx.get(f"{address}me").json()["role"] == "operator"
        assert httpx.get(f"{address}history").status_code == 404
        with httpx.stream("GET", f"{address}events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: snapshot"
            assert json.loads(next(lines).removeprefix("data: ")) == {"schema": "1.9"}
            server.snapshot = None
            # Who reads on comes to an end.
            assert next(lines) == ""


def test_without_a_snapshot_there_is_nothing_for_consoles():
    with ConsoleServer(None) as server:
        assert httpx.get(f"{server.address}{PREFIX}snapshot").status_code == 404
        assert httpx.get(f"{server.address}/elsewhere").status_code == 404
