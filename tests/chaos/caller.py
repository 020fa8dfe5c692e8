"""One HTTP request on a connection of its own, with as little processor time as Python can.

The crowd shares two cores with what it calls. A client library took more of them than the appliance needs to refuse.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_END = b"\r\n\r\n"


class NoAnswer(Exception):
    """The connection broke, or time ran out, before the answer was whole."""


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the document, an empty one where there is no body."""
        return json.loads(self.body) if self.body else {}


async def call(
    method: str, url: str, *, patience_s: float, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Send a request and return its answer; NoAnswer where there is none."""
    try:
        return await asyncio.wait_for(_call(method, url, headers or {}, body), patience_s)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as failure:
        raise NoAnswer(type(failure).__name__) from failure


async def _call(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write("\r\n".join(lines).encode() + _END + body)
        return _parsed(await reader.read(-1))
    finally:
        writer.close()


def _parsed(answer: bytes) -> Answer:
    head, end, body = answer.partition(_END)
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    if not end or len(body) != int(headers.get("content-length", 0)):
        raise asyncio.IncompleteReadError(answer, None)
    return Answer(int(first.split(" ")[1]), headers, body)
