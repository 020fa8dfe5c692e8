"""What goes wrong between a console and an appliance: each has its own sentence, and each passes.

Real processes and real connections; only other versions are played, by a server of our own.
"""

import asyncio
from urllib.parse import urlsplit

import msgspec

from appliance.access.keys import revoke_key
from appliance.storage.database import Database
from appliance.testing.console_server import ConsoleServer
from tests.relay import relay
from tests.tui import scenes
from tests.tui.live import console, new_key, shows, source_of
from tui.clock import SystemClock

HOUR_S = 3600.0


class OffClock(SystemClock):
    """The machine's clock, so many seconds ahead."""

    ahead_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.ahead_s


def test_a_stream_that_is_cut_is_said_and_taken_up_again(appliance):
    key, _ = new_key(appliance, "operator")

    async def scenario(line) -> None:
        async with console(source_of(f"http://{line.endpoint}", key)) as (app, _):
            await shows(app, "● live", "operator (operator)")
            line.cut()
            await shows(app, "✕ offline", "The connection broke", "next try 1s", "data from")
            await shows(app, "● live", without="broke")

    with relay(urlsplit(appliance.url).netloc) as line:
        asyncio.run(scenario(line))


def test_a_revoked_key_is_said_and_another_one_in_its_file_is_taken(appliance):
    key, key_id = new_key(appliance, "operator")

    async def scenario() -> None:
        async with console(source_of(appliance.url, key)) as (app, pilot):
            await shows(app, "● live", "operator (operator)")
            database = Database(appliance.settings.database)
            revoke_key(database, key_id)
            database.close()
            await shows(app, "✕ refused", "401:", "Put a valid key in its file, then press r", "r tries again")
            await pilot.press("2", "P")
            assert "Pause lane" not in await shows(app, "✕ refused")
            new_key(appliance, "operator")
            await pilot.press("r")
            await shows(app, "● live", without="401")
            await pilot.press("P")
            await shows(app, "Pause lane")

    asyncio.run(scenario())


def test_a_clock_that_is_an_hour_off_is_said_and_nothing_depends_on_it(appliance):
    key, _ = new_key(appliance, "operator")
    clock = OffClock()
    clock.ahead_s = HOUR_S
    source = source_of(appliance.url, key, clock)
    source.name = f"https://{'meeshy-' * 6}.example.org"

    async def scenario() -> None:
        async with console(source, size=(80, 24), clock=clock) as (app, pilot):
            await shows(app, "● live", "clock -3600s")
            await pilot.press("v")
            await shows(app, "the appliance's clock is 1h 00m behind this machine's")
            await pilot.press("3")
            assert "stale" not in await shows(app, "● live", "idle")
            await pilot.press("D")
            await shows(app, "Drain worker")
            await pilot.press("n", "v")
            clock.ahead_s = 0.0
            await shows(app, "● live", without="clock -")
            assert "this machine's" not in await shows(app, "● live")

    asyncio.run(scenario())


def test_an_appliance_of_another_version_is_said_and_shown_as_soon_as_it_is_exchanged(tmp_path):
    ours = msgspec.to_builtins(scenes.degraded())
    key = tmp_path / "key"
    key.write_text("anything")

    async def scenario(server) -> None:
        async with console(source_of(server.address, key)) as (app, pilot):

            async def becomes(snapshot, *words: str, without: str | None = None) -> None:
                server.snapshot = snapshot
                await pilot.press("r")
                await shows(app, *words, without=without)

            await shows(app, "● live", "hear.p0")
            # Newer, and to be read: what it tells besides is left out.
            newer = {**ours, "schema": "1.9", "moon": {"phase": 3}, "lanes": [{**ours["lanes"][0], "mood": "good"}]}
            await becomes(newer, "● live", "hear.p0", without="translate.p0")
            await pilot.press("v", "G")
            await shows(app, "the appliance is newer than this console (1.9, not 1.0)", "Update this console:")
            # Newer, and not to be read.
            await becomes({"schema": "2.0"}, "✕ other version", "Update this console: the appliance speaks version 2.0")
            await pilot.press("1")
            assert "hear.p0" in await shows(app, "data from")
            await becomes(ours, "● live", "translate.p0", without="other version")
            assert "newer" not in await shows(app, "● live")
            # Older: what it does not tell is a dash, and nobody calls it well.
            older = {name: ours[name] for name in ("schema", "server_time_s", "interval_s", "window_s")}
            await becomes({**older, "lanes": []}, "● live", "No lanes.", "- (this appliance does not tell)", "DEGRADED")
            assert "No workers." not in await shows(app, "Workers  -", "not told, so not judged: workers")
            await becomes(ours, "● live", "gpu0-w1", without="not told")
            # Older, and not to be read.
            await becomes({"schema": "0.9"}, "✕ other version", "Update the appliance, or take its console: the appl")
            await becomes(ours, "● live", "gpu0-w1", without="other version")
            # Older than consoles.
            await becomes(None, "✕ other version", "There is nothing for consoles at this address")
            await becomes(ours, "● live", "gpu0-w1", without="other version")

    with ConsoleServer(ours, interval_s=0.1) as server:
        asyncio.run(scenario(server))
