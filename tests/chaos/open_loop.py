"""Clients that send when it is time, not when the server is ready for more, beside others that look and cancel."""

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.caller import Answer as Said
from tests.chaos.caller import NoAnswer, call
from tests.chaos.checker import Asked, History
from tests.chaos.crowd import Note

BOUNDARY = "meeshy-overload"
LOOK_EVERY_S, CANCEL_EVERY_S, HEALTH_EVERY_S = 0.25, 3.0, 1.0
PATIENCE_S = 60.0
NO_ANSWER = 0
ENDS = frozenset({"done", "cancelled"})
CANCELLED_OF = 7
"""One of so many notes may be cancelled; the others may be looked at, so that nobody looks for one that is deleted."""


@dataclass(frozen=True)
class Answer:
    """What came back for a note."""

    note: Note
    sent_s: float
    """By the wall clock, which the database on this machine shares."""
    behind_s: float
    """How much later it was sent than it should have been."""
    took_s: float
    status: int
    code: str | None
    retry_after: str | None
    job_id: str | None


@dataclass
class Heard:
    """Everything that clients were told."""

    answers: list[Answer] = field(default_factory=list)
    looks: list[tuple[str, int, float]] = field(default_factory=list)
    """What was asked that may never be refused: kind, status, seconds."""

    @property
    def accepted(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == 202]

    @property
    def refused(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 202]


class OpenLoop:
    """Sends to several addresses in turn from one thread."""

    def __init__(self, urls: list[str], history: History, seed: int) -> None:
        self._urls, self._history = urls, history
        self._rng = random.Random(seed)

    def run(self, notes: Iterable[Note]) -> Heard:
        """Send the notes, each at its time, and return when the last is answered."""
        return asyncio.run(self._run(notes))

    async def _run(self, notes: Iterable[Note]) -> Heard:
        heard = Heard()
        sent = asyncio.Event()
        beside = [asyncio.create_task(kind(heard, sent)) for kind in (self._look, self._cancel, self._health)]
        start_s, sending = time.monotonic(), set()
        for note in notes:
            await asyncio.sleep(max(0.0, start_s + note.at_s - time.monotonic()))
            task = asyncio.create_task(self._send(note, time.monotonic() - start_s - note.at_s, heard))
            sending.add(task)
            task.add_done_callback(sending.discard)
        # Not cut off: a deletion that is on its way takes its job along, and has to be known.
        sent.set()
        await asyncio.gather(*beside)
        await asyncio.gather(*sending)
        return heard

    async def _send(self, note: Note, behind_s: float, heard: Heard) -> None:
        self._history.submit(note.key, Asked(note.text, ends=ENDS))
        body = _form(note)
        sent_s, began_s = time.time(), time.monotonic()
        try:
            response = await call(
                "POST", f"{self._rng.choice(self._urls)}/api/v1/voice/translate/async",
                patience_s=PATIENCE_S, body=body,
                headers={
                    "Authorization": f"Bearer {note.bearer}", "Idempotency-Key": note.key,
                    "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
                },
            )  # fmt: skip
            status, document, retry_after = response.status, response.json(), response.headers.get("retry-after")
        except NoAnswer as failure:
            status, document, retry_after = NO_ANSWER, {"code": str(failure)}, None
        took_s = time.monotonic() - began_s
        job_id = document["job_id"] if status == 202 else None
        if job_id is not None:
            self._history.acknowledge(note.key, job_id)
        elif status != NO_ANSWER:
            self._history.refuse(note.key)
        heard.answers.append(
            Answer(note, sent_s, behind_s, took_s, status, document.get("code"), retry_after, job_id)
        )  # fmt: skip

    async def _look(self, heard: Heard, sent: asyncio.Event) -> None:
        while not await _over(sent, LOOK_EVERY_S):
            if staying := [answer for answer in heard.answers[-200:] if answer.job_id and not _may_go(answer)]:
                answer = self._rng.choice(staying)
                response = await self._asked(heard, "look", "GET", answer)
                self._history.observe(answer.job_id, response.json().get("state", ""))

    async def _cancel(self, heard: Heard, sent: asyncio.Event) -> None:
        gone: set[str | None] = {None}
        while not await _over(sent, CANCEL_EVERY_S):
            if going := [answer for answer in heard.answers[-200:] if _may_go(answer) and answer.job_id not in gone]:
                answer = going[-1]
                gone.add(answer.job_id)
                response = await self._asked(heard, "cancel", "DELETE", answer)
                if response.status == 204:
                    self._history.forget(answer.note.key)

    async def _health(self, heard: Heard, sent: asyncio.Event) -> None:
        while not await _over(sent, HEALTH_EVERY_S):
            for kind in ("live", "ready"):
                began_s = time.monotonic()
                response = await call("GET", f"{self._rng.choice(self._urls)}/health/{kind}", patience_s=PATIENCE_S)
                heard.looks.append((kind, response.status, time.monotonic() - began_s))

    async def _asked(self, heard: Heard, kind: str, method: str, answer: Answer) -> Said:
        began_s = time.monotonic()
        url = f"{self._rng.choice(self._urls)}/api/v1/voice/job/{answer.job_id}?user_id={answer.note.user}"
        response = await call(
            method, url, patience_s=PATIENCE_S, headers={"Authorization": f"Bearer {answer.note.bearer}"}
        )
        heard.looks.append((kind, response.status, time.monotonic() - began_s))
        return response


async def _over(sent: asyncio.Event, within_s: float) -> bool:
    """Return whether everything has been sent, at once then, or after so many seconds."""
    try:
        await asyncio.wait_for(sent.wait(), within_s)
    except TimeoutError:
        return False
    return True


def _may_go(answer: Answer) -> bool:
    return answer.note.number % CANCELLED_OF == 0


def _form(note: Note) -> bytes:
    """Return the body that a browser's form would send."""
    fields = {"user_id": note.user, "target_langs": "fr", "source_lang": "en", "voice": "stock"}
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = 'Content-Disposition: form-data; name="audio"; filename="note.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    return f"{head}--{BOUNDARY}\r\n{file}".encode() + note.wav() + f"\r\n--{BOUNDARY}--\r\n".encode()
