"""The appliance's end of the XTTS process: starts it, asks it, starts it again with growing pauses when it dies."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.clock import Clock, SystemClock
from appliance.engines.xtts_process.frames import Arrays, Closed, FrameInvalid, receive, send
from appliance.errors import Cancelled, EngineFailed, MeeshyError, ModelMissing, TextUnspeakable

_ROOT = Path(__file__).resolve().parents[2]
PROCESS = "appliance.engines.xtts_process.server"
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from appliance.engines.xtts_process import start; sys.exit(start.main())"
)
"""Isolated mode (-I) keeps the working folder, the user's packages and PYTHON* variables out of the process."""
START_LIMIT_S = 600.0
"""torch and TTS take some 10 s to import on two cores, 1.9 GB of weights as long again, a cold disk several times."""
SILENCE_LIMIT_S = 120.0
"""Without an answer or a sign of life, which comes between two steps of the model: above this the process is stuck.

A step takes well below a second. The longest stretches without one are a voice that is computed from many recordings,
the latents of a full batch and the sound of one long sentence: tens of seconds on two busy cores.
"""
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
STEADY_S = 30.0
"""A process that lived this long starts the back-off over."""
_END_LIMIT_S = 5.0
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
)

ROW_ERRORS: Mapping[str, tuple[type[MeeshyError], str]] = {
    "bad_voice": (EngineFailed, "This voice was not made for XTTS."),
    "unspeakable": (TextUnspeakable, "There is nothing in this text that XTTS can say."),
    "too_long": (TextUnspeakable, "The text is too long for XTTS, even in pieces."),
    "too_short": (EngineFailed, "The recordings are too short to show a voice."),
    "no_stock_voice": (EngineFailed, "XTTS has no stock voice of that name."),
    "out_of_memory": (EngineFailed, "There is not enough memory for this sentence."),
    "cancelled": (Cancelled, "The utterance was cancelled."),
}


def error_of(head: Mapping[str, Any]) -> MeeshyError:
    """Return the error that an answer's head stands for."""
    kind, detail = ROW_ERRORS.get(str(head.get("error")), (EngineFailed, "XTTS failed on this text."))
    where = str(head.get("where", ""))[:100]
    return kind(f"{detail} ({where})" if where else detail)


@dataclass(frozen=True, slots=True)
class Launch:
    """How the process is started: its interpreter, the model's folder, the device, most rows in a pass."""

    python: Path
    folder: Path
    device: str = "cpu"
    threads: int = 0
    """0: torch decides."""
    rows: int = 16
    greedy: bool = False
    """Whether the likeliest token is always taken, instead of one drawn by the request's seed."""
    module: str = PROCESS


class XttsLink:
    """One XTTS process, started when it is first needed; one question at a time, from any thread."""

    def __init__(
        self,
        launch: Launch,
        clock: Clock | None = None,
        pause: Callable[[float], None] = time.sleep,
        silence_limit_s: float = SILENCE_LIMIT_S,
    ) -> None:
        """Start nothing yet; `pause` waits the seconds of a back-off.

        A process that says nothing for `silence_limit_s` while it has a question to answer is ended.
        """
        self._launch = launch
        self._silence_limit_s = silence_limit_s
        self._clock = clock or SystemClock()
        self._pause = pause
        self._turn = threading.Lock()
        self._sending = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._number = 0
        self._started_s: float | None = None
        self._backoff_s = FIRST_BACKOFF_S
        self.facts: Mapping[str, Any] = {}
        self.starts = 0
        self.signs_of_life = 0
        """How often the process said that it goes on with what it was asked."""

    @property
    def pid(self) -> int | None:
        """Return the process's id, None while none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def open(self) -> Mapping[str, Any]:
        """Start the process if need be and return what it says about its model, or raise the reason it has none."""
        with self._turn:
            self._ready()
            return self.facts

    def ask(self, head: Mapping[str, Any], arrays: Arrays | None = None) -> Iterator[tuple[dict[str, Any], Arrays]]:
        """Yield the answers to one question; raises EngineFailed where the process dies, the error where it has one.

        A question that is not listened to until its end is cancelled.
        """
        with self._turn:
            link = self._ready()
            self._number += 1
            number, finished = self._number, False
            try:
                self._send(link, {**head, "id": number}, arrays)
                while not finished:
                    answer, given = receive(link)
                    if answer.get("id") != number:
                        continue  # of a question that was cancelled
                    if answer.get("progress"):
                        self.signs_of_life += 1
                        continue
                    finished = bool(answer.get("done"))
                    if not finished:
                        yield answer, given
                    elif "error" in answer:
                        raise error_of(answer)
            except (Closed, FrameInvalid, TimeoutError) as broken:
                finished = True
                raise EngineFailed(f"The XTTS process ended ({self._let_go()}) and is started again.") from broken
            finally:
                if not finished:
                    self.cancel()

    def _send(self, link: socket.socket, head: Mapping[str, Any], arrays: Arrays | None) -> None:
        with self._sending:
            try:
                send(link, head, arrays)
            except FrameInvalid as too_large:
                # Nothing was sent, so the process is as good as before.
                raise EngineFailed("The batch is too large for the XTTS process.") from too_large

    def cancel(self) -> None:
        """Have the question in hand answered by Cancelled as soon as the model can be stopped; from any thread."""
        link = self._link
        if link is None:
            return
        try:
            with self._sending:
                send(link, {"op": "cancel", "id": self._number})
        except Closed:
            pass

    def close(self) -> None:
        """End the process; the next question would start it again."""
        self._let_go()

    def _ready(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._let_go()
        if self._link is None:
            self._wait_backoff()
            self._start()
        if self._link is None:
            raise TypeError("a started process has a socket")
        return self._link

    def _wait_backoff(self) -> None:
        now_s, started_s = self._clock.monotonic_s(), self._started_s
        if started_s is None or now_s - started_s > STEADY_S:
            self._backoff_s = FIRST_BACKOFF_S
            return
        self._pause(max(0.0, started_s + self._backoff_s - now_s))
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)

    def _start(self) -> None:
        launch = self._launch
        if not launch.python.is_file():
            raise ModelMissing("The environment of XTTS is not installed; run ./meeshy xtts install.")
        told = {
            "folder": str(launch.folder), "device": launch.device, "threads": launch.threads, "rows": launch.rows,
            "greedy": launch.greedy,
        }  # fmt: skip
        ours, theirs = socket.socketpair()
        self._started_s = self._clock.monotonic_s()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [str(launch.python), "-I", "-c", _BOOT, str(_ROOT), launch.module, json.dumps(told),
                     str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    # The libraries write texts to their logs; what went wrong comes over the socket.
                    stderr=subprocess.DEVNULL, env=environment(launch.threads),
                    # Ctrl-C in a terminal is for the worker alone, which lets its batch end first.
                    start_new_session=True,
                )  # fmt: skip
        except OSError as failure:
            ours.close()
            raise EngineFailed(f"The XTTS process does not start: {failure.strerror}.") from failure
        self._link = ours
        self.starts += 1
        self.facts = self._introduction(ours)

    def _introduction(self, link: socket.socket) -> dict[str, Any]:
        link.settimeout(START_LIMIT_S)
        try:
            head, _ = receive(link)
        except (Closed, FrameInvalid, TimeoutError) as broken:
            raise EngineFailed(f"The XTTS process ended while it loaded its model ({self._let_go()}).") from broken
        if not head.get("ready"):
            self._let_go()
            raise EngineFailed(f"XTTS cannot be loaded: {str(head.get('failed'))[:300]}")
        link.settimeout(self._silence_limit_s)
        return head

    def _let_go(self) -> str:
        """End the process and return how it ended, in words."""
        process, link, self._process, self._link = self._process, self._link, None, None
        if link is not None:
            link.close()
        if process is None:
            return "not running"
        try:
            code = process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def environment(threads: int) -> dict[str, str]:
    """Return the process's environment: none of the appliance's variables, which hold keys; hubs are switched off."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    count = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return passed | count | {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # Each thread would otherwise keep an arena of freed memory of its own.
        "MALLOC_ARENA_MAX": "2",
        # Idle threads must not spin beside Whisper's and the packs'.
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
