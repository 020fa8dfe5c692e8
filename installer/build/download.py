"""Fetches files by address into the cache, going on where an earlier try was cut."""

import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from installer.build.cache import Cache
from installer.build.failure import FetchFailed
from installer.bundle.container import CHUNK_BYTES

SILENCE_S = 60.0
"""How long an answer may stand still."""
Advance = Callable[[int], None]


def download(url: str, sha256: str, cache: Cache, advance: Advance = lambda _: None) -> Path:
    """Return the cached file of this hash, fetched from `url` if need be.

    A cut transfer is taken up again as long as each try brings something. Raises FetchFailed, with what has arrived
    kept, or ChecksumWrong, with nothing kept. `advance` hears the bytes that have arrived.
    """
    if cache.holds(sha256):
        return cache.path(sha256)
    address = urllib.parse.urlsplit(url)
    if address.scheme in ("", "file"):
        return cache.add(Path(urllib.parse.unquote(address.path)), sha256)
    if address.scheme not in ("http", "https"):
        raise FetchFailed(f"{_shown(url)} is no address that can be fetched.")
    partial = cache.partial(sha256)
    while True:
        before = _size(partial)
        try:
            whole = _append(url, partial, advance)
        except (OSError, HTTPException) as error:
            if _size(partial) <= before:
                raise FetchFailed(f"{_shown(url)}: {_reason(error)}.") from None
            continue
        if whole:
            return cache.finish(sha256)


def length_of(url: str) -> int:
    """Return what a server says of a file's size, -1 where it says nothing."""
    address = urllib.parse.urlsplit(url)
    if address.scheme in ("", "file"):
        return Path(urllib.parse.unquote(address.path)).stat().st_size
    try:
        with _open(urllib.request.Request(url, method="HEAD")) as answer:  # noqa: S310 - schemes are checked
            return int(answer.headers.get("Content-Length", -1))
    except (OSError, HTTPException, ValueError):
        return -1


def _append(url: str, partial: Path, advance: Advance) -> bool:
    """Add to the partial file; True once the server has sent its last byte."""
    have = _size(partial)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        answer = _open(request)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # all of it is there already, or too much: the hash will tell
            return True
        raise
    with answer, partial.open("ab" if answer.status == 206 else "wb") as file:
        have = file.tell()
        declared = answer.headers.get("Content-Length")
        want = have + int(declared) if declared else None
        while piece := answer.read(CHUNK_BYTES):
            file.write(piece)
            have += len(piece)
            advance(have)
    if want is not None and have < want:
        raise ConnectionError(f"{want - have} bytes are missing")
    return True


def _open(request: urllib.request.Request) -> "urllib.response.addinfourl":
    # pip's own setting counts too: where a company's proxy has its own authority, pip has been told already.
    authority = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=authority if authority and Path(authority).is_file() else None)
    return urllib.request.urlopen(request, timeout=SILENCE_S, context=context)  # noqa: S310


def _shown(url: str) -> str:
    address = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(address._replace(netloc=address.netloc.rsplit("@", 1)[-1], query="", fragment=""))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    return str(getattr(error, "reason", None) or error or type(error).__name__)
