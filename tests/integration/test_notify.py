"""What services tell systemd, heard on a datagram socket like its own."""

import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from litestar import Litestar, get

from appliance import notify
from appliance.api.server import ApiServer
from appliance.clock import SystemClock
from appliance.housekeeping.duties import Duty
from appliance.housekeeping.house import House, Outcome
from appliance.housekeeping.rounds import Rounds
from appliance.pool.agent import Parts, Pool
from appliance.pool.inventory import Rules
from appliance.pool.signals import Signals
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.storage.migrate import migrate
from appliance.telemetry.metrics import Metrics
from appliance.testing.clock import FrozenClock

LONG_S = 60.0
SILENT_S = notify.ALIVE_EVERY_S + 2.0
"""Longer than a loop that goes round is silent."""


class Manager:
    """A socket that services tell, by a path or by an abstract name."""

    def __init__(self, address: str) -> None:
        self.name = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def hears(self, within_s: float = LONG_S) -> str:
        """Return the next statement; TimeoutError where none comes."""
        self.socket.settimeout(within_s)
        return self.socket.recv(256).decode()

    def heard(self) -> list[str]:
        """Return every statement that was sent by now."""
        statements = []
        try:
            while True:
                statements.append(self.hears(0.0))
        except BlockingIOError:
            return statements


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Manager]]:
    """Make the socket that this process was told of."""
    made: list[Manager] = []

    def listen(address: str) -> Manager:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        made.append(Manager(address))
        return made[-1]

    yield listen
    for each in made:
        each.socket.close()


@pytest.fixture
def manager(listening: Callable[[str], Manager], tmp_path: Path) -> Manager:
    return listening(str(tmp_path / "notify"))


@pytest.mark.parametrize("abstract", [False, True])
def test_the_three_statements_arrive_in_systemds_words(listening, tmp_path, abstract):
    manager = listening(f"@meeshy-{secrets.token_hex(8)}" if abstract else str(tmp_path / "notify"))

    notify.ready()
    notify.alive()
    notify.stopping()

    assert manager.heard() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_nobody_is_told_where_nobody_listens(monkeypatch, caplog):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with caplog.at_level(logging.DEBUG):
        notify.ready()
    assert caplog.records == []


def test_a_socket_that_is_gone_ends_no_service(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify.alive()
    assert "systemd was not told WATCHDOG=1" in caplog.text


def test_a_manager_that_reads_nothing_holds_no_loop_up(manager):
    for _ in range(1000):
        notify.alive()
    assert set(manager.heard()) == {"WATCHDOG=1"}


def test_who_goes_through_much_tells_it_every_few_seconds_and_not_for_each(manager, monkeypatch):
    times_s = iter([0.0, 1.0, 2.0, 2.5, 3.9, 4.0])
    monkeypatch.setattr(notify, "time", SimpleNamespace(monotonic=lambda: next(times_s)))

    assert list(notify.alive_through("abcdef")) == list("abcdef")

    assert manager.heard() == ["WATCHDOG=1"] * 3


def test_the_api_is_ready_when_it_answers_and_says_nothing_while_its_loop_hangs(manager):
    silence: list[str] = []

    @get("/hang")
    async def hang() -> None:
        manager.heard()
        try:
            silence.append(manager.hears(SILENT_S))
        except TimeoutError:
            silence.append("nothing")

    server = ApiServer(Litestar([hang]), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        first, second = manager.hears(), manager.hears()
        httpx.get(f"http://127.0.0.1:{server.port}/hang", timeout=LONG_S, trust_env=False)
        later = manager.hears()
    finally:
        server.stop()
        thread.join(LONG_S)

    assert (first, second) == ("READY=1", "WATCHDOG=1")
    assert silence == ["nothing"]
    assert later == "WATCHDOG=1"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    migrate(database)
    yield database
    database.close()


def test_housekeeping_tells_between_duties_and_not_while_one_lasts(manager, database, tmp_path):
    meanwhile: list[list[str]] = []

    def looks(house: House) -> Outcome:
        meanwhile.append(manager.heard())
        return Outcome(found=0, done=0)

    house = House(database, FolderStore(tmp_path / "objects"), Settings(data_dir=tmp_path))
    rounds = Rounds(house, FrozenClock(), Metrics(), {"first": Duty(looks), "second": Duty(looks)})

    rounds()
    after_work = manager.heard()
    rounds()

    assert meanwhile == [["WATCHDOG=1"], ["WATCHDOG=1"]]
    assert after_work == ["WATCHDOG=1"]
    assert manager.heard() == ["WATCHDOG=1"], "a round without a duty that is due tells once"


class EndsAtThird(Signals):
    """Asks the pool to end when it waits for the third time."""

    waits = 0

    def wait(self, timeout_s: float) -> None:
        assert timeout_s <= notify.ALIVE_EVERY_S
        self.waits += 1
        self.stopping = self.waits == 3


def test_the_pool_tells_in_every_turn_however_rare_its_rounds_are(manager, database, tmp_path):
    def starts_nothing(*given: object) -> None:
        raise AssertionError("there is no place for a worker")

    settings = Settings(data_dir=tmp_path)
    rules = Rules(round_s=3600.0)
    parts = Parts(settings, database, (), rules, starts_nothing, lambda families: None, SystemClock())
    with EndsAtThird() as signals:
        Pool(parts).run(signals)

    assert manager.heard() == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]
