"""Operators look and act while everything else is taken: the real application over HTTP, its threads held."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from appliance.admin import schema
from appliance.admin.snapshot import Snapshots
from appliance.api.latest import Latest
from appliance.api.threads import (
    DECODE_THREADS,
    FIGURES_THREADS,
    FIGURES_WAITING,
    PAGES_THREADS,
    PAGES_WAITING,
    SHORT_THREADS,
    Threads,
)
from appliance.audio.decoder import DecoderPool
from appliance.errors import Overloaded, StorageUnavailable
from appliance.owner import Owner
from appliance.testing.clock import FrozenClock
from tests.integration.api_house import House, open_house
from tests.integration.console import READS, Console, fail


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder, requests_per_minute=0) as house:
        yield house


class Counted(Snapshots):
    """Counts how often one is made."""

    made = 0

    def make_encoded(self) -> tuple[int, bytes]:
        self.made += 1
        return super().make_encoded()


class Away(Counted):
    """Finds no database."""

    def make(self) -> schema.Snapshot:
        raise StorageUnavailable("The database is gone.")


@contextmanager
def overloaded(house: House) -> Iterator[None]:
    """Let every thread that uploads wait in be taken, as while decoders and the database are busy."""
    release, threads = threading.Event(), house.parts.threads
    taken = threading.Barrier(DECODE_THREADS + SHORT_THREADS + 1)

    def busy() -> None:
        taken.wait(30)
        release.wait(60)

    async def take() -> None:
        async with anyio.create_task_group() as uploads:
            for lane, size in ((threads.decode, DECODE_THREADS), (threads.short, SHORT_THREADS)):
                for _ in range(size):
                    uploads.start_soon(lane, busy)

    portal = house.client.blocking_portal
    busy_ones = portal.start_task_soon(take)
    try:
        taken.wait(30)
        yield
    finally:
        release.set()
        busy_ones.result(30)


@contextmanager
def full(house: House, lane: Callable[..., Awaitable[object]], places: int) -> Iterator[None]:
    """Let all places of a lane be taken, those in which one waits too."""
    release, taken = threading.Event(), threading.Event()

    async def take() -> None:
        async with anyio.create_task_group() as others:
            for number in range(places):
                # A key has one place, so each of them is another's.
                others.start_soon(lane, Owner("others", f"key:{number}"), release.wait)
                await anyio.sleep(0.01)
            taken.set()

    held = house.client.blocking_portal.start_task_soon(take)
    try:
        assert taken.wait(30)
        yield
    finally:
        release.set()
        held.result(30)


def test_who_looks_and_who_acts_waits_for_no_upload(house: House) -> None:
    job_id = house.waiting_job("hello")
    other = house.waiting_job("good morning")
    fail(house, other)
    console, viewer = Console(house), Console(house, "viewer", "wallboard")
    house.working = False
    with overloaded(house):
        assert viewer.get("snapshot").status_code == 200
        looks = (*READS, "audit")
        assert {path: console.get(path).status_code for path in looks} == dict.fromkeys(looks, 200)
        assert console.act("lanes/translate.p2/pause", reason="too much comes").status_code == 202
        assert console.act("lanes/translate.p2/resume").status_code == 202
        assert console.act("workers/w1/drain", reason="a new driver").status_code == 202
        assert console.act("workers/w1/undrain").status_code == 202
        assert console.act(f"jobs/{job_id}/cancel").status_code == 202
        assert console.act(f"dead-letters/{other}/retry").status_code == 202
        assert console.act("dead-letters/retry", expected_count=1).status_code == 409
        assert viewer.act("lanes/hear.p0/pause", reason="no").status_code == 403
    assert len(console.audited()) == 8
    assert ("console.pause", "hear.p0", "forbidden") in console.audited()


def test_figures_over_time_are_added_up_one_at_a_time(house: House) -> None:
    """A viewer's key must not take the processor from everybody; who comes too often is told when to come back."""
    console = Console(house, "viewer", "bob")
    with full(house, house.parts.threads.figures, FIGURES_THREADS + FIGURES_WAITING):
        refused = [console.get(path) for path in ("history", "metrics", "quality")]
        others = console.get("queue")

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "overloaded")}
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert others.status_code == 200
    assert console.get("history").status_code == 200


def test_one_key_cannot_take_all_places_of_the_figures(house: House) -> None:
    """Whatever a wallboard asks for at once, somebody else's question comes next."""
    release, owner = threading.Event(), Owner("wallboard", "key:k1")
    answers: list[str] = []

    async def ask(name: str, who: Owner) -> None:
        try:
            await house.parts.threads.figures(who, release.wait)
        except Overloaded:
            name = f"{name} refused"
        answers.append(name)

    async def asked() -> None:
        async with anyio.create_task_group() as everybody:
            for _ in range(FIGURES_THREADS + FIGURES_WAITING + 1):
                everybody.start_soon(ask, "greedy", owner)
                await anyio.sleep(0)
            everybody.start_soon(ask, "other", Owner("office", "key:k2"))
            await anyio.wait_all_tasks_blocked()
            release.set()

    house.client.blocking_portal.start_task_soon(asked).result(30)

    assert answers[:3] == ["greedy refused", "greedy", "other"]
    assert answers[3:] == ["greedy"] * FIGURES_WAITING
    assert not house.parts.threads._figures._askers


def test_pages_wait_for_each_other_and_neither_keys_nor_actions_for_them(house: House) -> None:
    """A lane of 10,000 items, read with every picture, must not stand before who wants to pause it."""
    console, pages = Console(house), ("lanes/hear.p0/jobs", "dead-letters", "audit", "queue")
    with full(house, house.parts.threads.pages, PAGES_THREADS + PAGES_WAITING):
        refused = [console.get(path) for path in pages]
        assert console.act("lanes/hear.p0/pause", reason="too much comes").status_code == 202
        assert {console.get(path).status_code for path in ("me", "snapshot", "history")} == {200}

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "overloaded")}
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert {console.get(path).status_code for path in pages} == {200}


def ten_at_once_and_one_later(look: Callable[[], Awaitable[None]], clock: FrozenClock) -> None:
    async def watched() -> None:
        async with anyio.create_task_group() as consoles:
            for _ in range(10):
                consoles.start_soon(look)
        clock.advance(schema.INTERVAL_S)
        await look()

    anyio.run(watched)


def test_ten_consoles_find_a_database_away_once(house: House) -> None:
    clock = FrozenClock()
    snapshots = Away(house.database, house.settings, clock)
    latest = Latest(snapshots, Threads(), clock)

    async def look() -> None:
        with pytest.raises(StorageUnavailable, match="gone"):
            await latest.snapshot()

    ten_at_once_and_one_later(look, clock)

    assert snapshots.made == 2


def test_ten_consoles_cost_one_snapshot(house: House) -> None:
    clock = FrozenClock()
    snapshots = Counted(house.database, house.settings, clock)
    latest = Latest(snapshots, Threads(), clock)
    found: list[int] = []

    async def look() -> None:
        found.append((await latest.snapshot())[0])

    ten_at_once_and_one_later(look, clock)

    assert snapshots.made == 2
    assert len(set(found[:10])) == 1 and found[10] > found[0]
