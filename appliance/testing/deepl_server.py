"""A local server that speaks DeepL's documented text translation protocol, for tests and for trying out the client.

It checks what DeepL checks (key, content type, languages, number of texts, body size, quota) and answers `[FR] text`.
A script of responses, used up first, makes it busy, broken, silent or nonsensical.
"""

import json
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

from appliance.engines.deepl_languages import source_codes, target_codes
from appliance.testing.loopback_server import LoopbackServer

MOST_TEXTS = 50
MOST_BODY_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer out of the ordinary: a status, or 200 with another body, or no answer at all.

    `hang` keeps the connection open without answering until the server stops; `drop` closes it.
    """

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    instead: Literal["", "hang", "drop"] = ""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in; `document` is None where the body is not JSON."""

    path: str
    headers: dict[str, str]
    document: Any


class DeepLServer(LoopbackServer):
    """Runs the server on a free loopback port while its `with` block lasts."""

    def __init__(self, key: str = "test-key:fx", *, quota_characters: int | None = None) -> None:
        """Accept one key; `quota_characters` None means without limit."""
        super().__init__(type("Handler", (_Handler,), {"server_of": self}))
        self.key = key
        self.received: list[Received] = []
        self._quota_characters = quota_characters
        self._used_characters = 0
        self._script: deque[Scripted] = deque()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Return the base address to give to the client."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, answers: Iterable[Scripted | int]) -> None:
        """Give these answers, in order, to the next valid requests; a number stands for a plain status."""
        with self._lock:
            self._script.extend(Scripted(status=a) if isinstance(a, int) else a for a in answers)

    def answer(self, request: Received, body_bytes: int) -> Scripted:
        """Return the answer to a request: refusals first, then the script, then a translation."""
        with self._lock:
            self.received.append(request)
            refusal = self._refusal(request, body_bytes)
            if refusal is not None:
                return refusal
            if self._script:
                scripted = self._script.popleft()
                if scripted.status != 200 or scripted.body is not None or scripted.instead:
                    return scripted
            return self._translate(request.document)

    def wait_until_stopped(self) -> None:
        """Block a handler that plays dead."""
        self.stopping.wait()

    def _refusal(self, request: Received, body_bytes: int) -> Scripted | None:
        document = request.document
        if request.path != "/v2/translate":
            return Scripted(404)
        if request.headers.get("authorization") != f"DeepL-Auth-Key {self.key}":
            return Scripted(403)
        if body_bytes > MOST_BODY_BYTES:
            return Scripted(413)
        if not request.headers.get("content-type", "").startswith("application/json") or not isinstance(document, dict):
            return _message(400, "The body is not JSON.")
        texts = document.get("text")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            return _message(400, "Parameter 'text' not specified.")
        if len(texts) > MOST_TEXTS:
            return _message(400, "Too many texts.")
        if document.get("target_lang") not in target_codes():
            return _message(400, "Value for 'target_lang' not supported.")
        if document.get("source_lang") is not None and document["source_lang"] not in source_codes():
            return _message(400, "Value for 'source_lang' not supported.")
        return None

    def _translate(self, document: dict[str, Any]) -> Scripted:
        texts: list[str] = document["text"]
        characters = sum(map(len, texts))
        if self._quota_characters is not None and self._used_characters + characters > self._quota_characters:
            return _message(456, "Quota for this billing period has been exceeded.")
        self._used_characters += characters
        source = document.get("source_lang") or "EN"
        translations = [
            {"detected_source_language": source, "text": f"[{document['target_lang']}] {text}"} for text in texts
        ]
        return Scripted(200, json.dumps({"translations": translations}).encode())


def _message(status: int, text: str) -> Scripted:
    return Scripted(status, json.dumps({"message": text}).encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: DeepLServer

    def do_POST(self) -> None:
        """Read the request, ask the server what to say, and say it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server_of.answer(Received(self.path, headers, document), len(body))
        if answer.instead:
            if answer.instead == "hang":
                self.server_of.wait_until_stopped()
            self.close_connection = True
            return
        content = answer.body or b""
        self.send_response(answer.status, "Scripted" if answer.status == 456 else None)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: the requests hold texts."""
