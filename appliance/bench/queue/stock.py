"""Stock Dramatiq on Redis: what a row's baseline sends to, with its worker processes."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dramatiq
import msgspec
from dramatiq.brokers.redis import RedisBroker

from appliance.bench.queue.process import Process
from appliance.bench.queue.site import LOOK_EVERY_S, START_S, Paces
from appliance.bench.queue.stock_worker import ACTOR, TARGET, Stock
from appliance.errors import CommandFailed
from appliance.testing.diary import Diary, Entry


@dataclass(frozen=True, slots=True)
class Sent:
    """A message in the queue; `sent_s` is Unix time before it was sent."""

    text: str
    sent_s: float


class StockQueue:
    """One queue with one actor; used by one thread."""

    def __init__(self, url: str, queue: str, folder: Path, broker: Mapping[str, int] | None = None) -> None:
        """Use this queue; `broker` are arguments of the broker that are not its defaults."""
        folder.mkdir(parents=True, exist_ok=True)
        self.diary = Diary(folder / "stock.jsonl")
        self.processes: list[Process] = []
        self._url, self._queue, self._folder, self._options = url, queue, folder, dict(broker or {})
        self._broker = RedisBroker(url=url, **self._options)
        self._broker.declare_queue(queue)

    def start_worker(self, paces: Paces) -> Process:
        """Start a worker and return it once it listens."""
        config = Stock(
            url=self._url, queue=self._queue, diary=str(self._folder / "stock.jsonl"), broker=self._options,
            paces={family: (pace.first_s, pace.further_s) for family, pace in paces.items()},
        )  # fmt: skip
        command = [sys.executable, "-m", "appliance.bench.queue.stock_worker", msgspec.json.encode(config).decode()]
        process = Process(command, os.environ, self._folder / f"stock-{len(self.processes)}.log")
        self.processes.append(process)
        self.wait_for("ready", pid=process.pid, within_s=START_S)
        return process

    def send(self, text: str) -> Sent:
        """Send a message as `actor.send` does."""
        sent_s = time.time()
        self._broker.enqueue(dramatiq.Message(self._queue, ACTOR, (text,), {}, {}))
        return Sent(text, sent_s)

    def started(self, sent: Sent, within_s: float) -> Entry:
        """Wait until a message's actor has begun; of several times, return the last."""
        return self.wait_for("start", text=sent.text, within_s=within_s)

    def ended(self, sent: Sent, within_s: float) -> Entry:
        """Wait until a message's actor has ended with the right words."""
        return self.wait_for("end", text=f"{sent.text}|{TARGET}:{sent.text}", within_s=within_s)

    def wait_for(self, what: str, *, within_s: float, text: str | None = None, pid: int | None = None) -> Entry:
        """Return the last such entry of the diary, or CommandFailed when none comes in time."""
        until_s = time.monotonic() + within_s
        while True:
            found = [
                entry
                for entry in self.diary.entries()
                if entry.what == what and text in (None, entry.text) and pid in (None, entry.pid)
            ]
            if found:
                return found[-1]
            if time.monotonic() > until_s:
                said = next((process.said() for process in self.processes), "")
                raise CommandFailed(f"The stock worker: no {what} within {within_s:.0f} s. {said}".strip())
            time.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.stop()
        self._broker.close()
