"""Asks an appliance what it is told to: `python probe.py URL CA REQUESTS once|on` prints the answers as JSON.

REQUESTS is a list of `{method, path, headers, params, fields, note}`, `note` being a file that is uploaded as
the recording. `once` asks each of them once and tells every answer. `on` asks them in turn until standard input is
closed, and counts the answers by status.
"""

import collections
import hashlib
import json
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import httpx

PATIENCE_S = 120.0
SHOWN_BYTES = 400
PAUSE_S = 0.2


def ask(client: httpx.Client, request: dict[str, Any]) -> httpx.Response:
    """Return the answer to one request."""
    body: dict[str, Any] = {"data": request["fields"]} if "fields" in request else {}
    if "note" in request:
        body["files"] = {"audio": ("note.wav", Path(request["note"]).read_bytes())}
    return client.request(
        request.get("method", "GET"), request["path"], headers=request.get("headers"), params=request.get("params"),
        **body,
    )  # fmt: skip


def told(answer: httpx.Response) -> dict[str, Any]:
    """Return what a test looks at of an answer."""
    return {
        "status": answer.status_code,
        "headers": dict(answer.headers),
        "bytes": len(answer.content),
        "sha256": hashlib.sha256(answer.content).hexdigest(),
        "text": answer.content[:SHOWN_BYTES].decode(errors="replace"),
    }


def counted(client: httpx.Client, requests: list[dict[str, Any]], over: threading.Event) -> dict[str, int]:
    """Ask in turn until it is over and return how often each status, or failure, came."""
    found: collections.Counter[str] = collections.Counter()
    while not over.wait(PAUSE_S):
        for request in requests:
            try:
                found[str(ask(client, request).status_code)] += 1
            except httpx.TransportError as failure:
                found[type(failure).__name__] += 1
    return dict(found)


def main(url: str, authority: str, requests: str, how: str) -> None:
    """Ask everything; the connection trusts the authority alone."""
    trusted, over = ssl.create_default_context(cafile=authority), threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    with httpx.Client(base_url=url, verify=trusted, timeout=PATIENCE_S) as client:
        asked = json.loads(requests)
        if how == "on":
            threading.Thread(target=wait).start()
        answers = counted(client, asked, over) if how == "on" else [told(ask(client, each)) for each in asked]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
