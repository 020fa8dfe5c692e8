"""The XTTS process: loads the model, then answers one request after the other over a socket until that closes.

A thread of its own reads the socket, so that a cancellation and the end of the appliance are noticed in the middle of
an utterance. That end is the end of the stream and not a parent-death signal: Linux sends that when the thread that
started the process ends, which in a worker may be long before the worker does.
"""

import json
import os
import queue
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from appliance.engines.xtts_process.frames import Arrays, Closed, FrameInvalid, receive, send
from appliance.engines.xtts_process.isolation import Network
from appliance.engines.xtts_process.pulse import EVERY_S, Pulse
from appliance.engines.xtts_process.stopping import Cancelled

Request = tuple[dict[str, Any], Arrays]


def model_service(told: dict[str, Any], wrap: Callable[[Any], None] = lambda loaded: None) -> Any:
    """Return the service of the model in the folder that was told; `wrap` gets the loaded model before."""
    import torch

    if told["threads"]:
        torch.set_num_threads(told["threads"])
    from appliance.engines.xtts_process.loading import load
    from appliance.engines.xtts_process.service import Service

    loaded = load(Path(told["folder"]), told["device"], greedy=told["greedy"])
    wrap(loaded)
    return Service(loaded, told["rows"])


def main(
    network: Network,
    options: str,
    descriptor: str,
    service: Callable[[dict[str, Any]], Any] = model_service,
    pulse_every_s: float = EVERY_S,
) -> int:
    """Serve the socket with this descriptor as the options, a JSON object, say, until it closes.

    Of a request that takes longer than `pulse_every_s`, the other side is told that often that it goes on.
    """
    link = socket.socket(fileno=int(descriptor))
    try:
        answering = service(json.loads(options))
    except Exception as failure:  # noqa: BLE001
        # Whatever the libraries raise, the other side is told: it has no other way to learn why there is no voice.
        send(link, {"failed": f"{type(failure).__name__}: {failure}"[:1000]})
        return 1
    send(link, {"ready": True, "network_namespace": network.namespace, **answering.facts()})
    _serve(_Inbox(link), link, answering, network, pulse_every_s)
    return 0


class _Inbox:
    """Requests as they come; cancellations take effect at once."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._cancelled = -1
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> Request:
        return self._requests.get()

    def is_cancelled(self, number: int) -> bool:
        return number <= self._cancelled

    def _read(self) -> None:
        while True:
            try:
                head, arrays = receive(self._link)
            except (Closed, FrameInvalid):
                # Nobody is left to speak for. The main thread may sit in the model for seconds more.
                os._exit(0)
            if head["op"] == "cancel":
                self._cancelled = max(self._cancelled, int(head["id"]))
            else:
                self._requests.put((head, arrays))


def _serve(inbox: _Inbox, link: socket.socket, service: Any, network: Network, pulse_every_s: float) -> None:
    while True:
        head, arrays = inbox.next()
        number = int(head["id"])
        pulse = Pulse(link, number, partial(inbox.is_cancelled, number), pulse_every_s)
        try:
            for answer, given in _answers(service, network, head, arrays, pulse):
                send(link, {"id": number, **answer}, given)
            send(link, {"id": number, "done": True})
        except Closed:
            return
        except Cancelled:
            send(link, {"id": number, "done": True, "error": "cancelled"})
        except Exception as failure:  # noqa: BLE001
            # The boundary around a large library: one request's failure must not take the loaded model along. Where it
            # happened is told, never its message, which may hold the text.
            place = traceback.extract_tb(failure.__traceback__)[-1]
            where = f"{type(failure).__name__} at {Path(place.filename).name}:{place.lineno}"
            send(link, {"id": number, "done": True, "error": "failed", "where": where})
            if "CUDA error" in str(failure):
                # Nothing works on the device in this process any more; the next one starts clean.
                return


def _answers(
    service: Any, network: Network, head: dict[str, Any], arrays: Arrays, cancelled: Callable[[], bool]
) -> Iterator[tuple[dict[str, Any], Arrays]]:
    match head["op"]:
        case "condition":
            yield service.condition(arrays)
        case "stock":
            yield service.stock(head["name"])
        case "speak":
            yield from service.speak(head["rows"], arrays, cancelled)
        case "stream":
            yield from service.stream(head["row"], arrays, cancelled)
        case "status":
            yield service.status() | {"network_attempts": network.attempts}, {}
