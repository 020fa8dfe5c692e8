"""Has a note translated through the edge, as a client would have it, for a user who is erased afterwards."""

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from installer.target.failure import TargetFailed

ANSWER_S = 30.0
LOOK_EVERY_S = 1.0
SMALLEST_AUDIO_BYTES = 10_000
"""A third of a second of 16 kHz audio: less than that says nothing."""
LONGEST_WAITS = 6
"""Times the patience, for a note that comes nearer and nearer, or that a site is too busy to take."""
LATER = frozenset({429, 502, 503, 504})
"""Answers of an appliance that is busy, or behind an edge that just restarts."""
API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a note."""

    version: str
    job_id: str
    audio_bytes: int
    seconds: float


class Edge:
    """The appliance as a client reaches it."""

    def __init__(self, url: str, key: str, authority: Path | None) -> None:
        """Speak with `url`; over TLS trust this authority alone."""
        self._parts, self._key = urlsplit(url), key
        self._trusted = ssl.create_default_context(cafile=authority) if self._parts.scheme == "https" else None

    def ask(
        self, method: str, path: str, user: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of an answer; OSError or HTTPException where none came."""
        host, port = self._parts.hostname or "", self._parts.port
        if self._trusted is None:
            connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=self._trusted)
        sent = {"Authorization": f"Bearer {self._key}", **({"X-Meeshy-User": user} if user else {}), **(headers or {})}
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def run_trial(
    edge: Edge,
    note: Path,
    language: str,
    version: str,
    patience_s: float,
    now_s: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Trial:
    """Return what came of a note in another language, by the release `version` and by nobody's kept answer.

    The user is new, so nothing is known of them. Raises TargetFailed where the note was not spoken and accepted within
    the patience, which begins anew while the appliance is too busy to take it, and while fewer jobs are before it than
    ever: what came in during an upgrade is worked off first, and says nothing against the release that does so.
    """
    patient = _Patient(edge, patience_s, now_s, wait)
    found = json.loads(patient.ask("GET", f"{API}/health")).get("version")
    if found != version:
        raise TargetFailed(f"{found} answers at the edge instead of {version}.")
    user, began_s = f"trial-{secrets.token_hex(8)}", now_s()
    try:
        job_id = _submit(patient, user, note, language)
        document = _ended(patient, user, job_id)
        audio_bytes = _heard(patient, user, document)
    finally:
        _forget(edge, user)
    return Trial(version, job_id, audio_bytes, now_s() - began_s)


class _Patient:
    """Asks again where the appliance cannot answer now."""

    def __init__(
        self, edge: Edge, patience_s: float, now_s: Callable[[], float], wait: Callable[[float], None]
    ) -> None:
        self._edge, self._now_s, self._wait = edge, now_s, wait
        self._patience_s, self._began_s = patience_s, now_s()
        self._until_s, self._last_s = self._began_s + patience_s, self._began_s + LONGEST_WAITS * patience_s

    def ask(self, method: str, path: str, user: str = "", **more: Any) -> bytes:
        """Return the body of a good answer, or raise TargetFailed."""
        while True:
            try:
                status, body = self._edge.ask(method, path, user, **more)
            except (OSError, http.client.HTTPException) as away:
                status, body = 503, str(away).encode()
            if status < 300:
                return body
            said = f"{method} {path}: {status} {body.decode(errors='replace')[:300]}"
            if status not in LATER:
                raise TargetFailed(said)
            if _code(body) == "overloaded":
                self.begin_anew()
            self.pause(said)

    def begin_anew(self) -> None:
        """Have as much patience from now on as there was at first, as long as there is any at all."""
        self._until_s = min(self._last_s, self._now_s() + self._patience_s)

    def pause(self, last: str) -> None:
        """Wait a little, or raise TargetFailed with what was seen last."""
        if self._now_s() > self._until_s:
            raise TargetFailed(f"No translation within {self._until_s - self._began_s:.0f} s; last: {last}")
        self._wait(LOOK_EVERY_S)


def _code(body: bytes) -> str:
    """Return the code of a refusal; nothing for what is none of the appliance's, as an edge's own."""
    try:
        return str(json.loads(body)["code"])
    except (ValueError, TypeError, KeyError):
        return ""


def _submit(patient: _Patient, user: str, note: Path, language: str) -> str:
    border = secrets.token_hex(16)
    fields = {"user_id": user, "target_lang": language, "voice": "stock"}
    parts = [f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]  # fmt: skip
    parts += [
        f'--{border}\r\nContent-Disposition: form-data; name="audio"; filename="{note.name}"\r\n\r\n'.encode(),
        note.read_bytes(),
        f"\r\n--{border}--\r\n".encode(),
    ]
    # One that is sent twice, because the first answer was lost, stays one job.
    headers = {"Content-Type": f"multipart/form-data; boundary={border}", "Idempotency-Key": border}
    body = patient.ask("POST", f"{API}/voice/translate/async", user, body=b"".join(parts), headers=headers)
    return str(json.loads(body)["job_id"])


def _ended(patient: _Patient, user: str, job_id: str) -> dict[str, Any]:
    nearest: int | None = None
    while True:
        document: dict[str, Any] = json.loads(patient.ask("GET", f"{API}/voice/job/{job_id}", user))
        if document["state"] not in ("queued", "running"):
            return document
        place = document.get("queue_position")
        if place is not None and nearest is not None and place < nearest:
            patient.begin_anew()
        if place is not None:
            nearest = min(place, nearest or place)
        patient.pause(f"the job is {document['state']}" + (f", with {place - 1} before it" if place else ""))


def _heard(patient: _Patient, user: str, document: Mapping[str, Any]) -> int:
    (target,) = document["targets"]
    if target["state"] != "done":
        reasons = (target.get("receipt") or {}).get("reasons") or target.get("error") or document.get("error")
        raise TargetFailed(f"The note ended as {target['state']}: {reasons}.")
    size_bytes = len(patient.ask("GET", target["audio_url"], user))
    if size_bytes < SMALLEST_AUDIO_BYTES:
        raise TargetFailed(f"The translation is {size_bytes} bytes of audio.")
    return size_bytes


def _forget(edge: Edge, user: str) -> None:
    try:
        edge.ask("DELETE", f"{API}/user", user)
    except (OSError, http.client.HTTPException):
        return  # what is left of a user without a name goes with the site's usual times
