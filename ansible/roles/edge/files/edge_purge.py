"""Drops from nginx's cache what the appliance erased: `edge_purge.py URL CACHE STATE KEY`, for ever.

nginx has no way to be told. Its cache is one file per key, named after the key's MD5 (proxy_cache_path, levels=1:2),
and a file that is gone is a miss. Standard library alone; the key's file is read anew for each request.
"""

import hashlib
import json
import sys
import time
import urllib.request
from pathlib import Path

EVERY_S = 5.0
PATIENCE_S = 10.0
PAGE = 1000
"""As many erasures as one answer holds at most: with so many there may be more."""


def cached_file(cache: Path, audio_sha256: str) -> Path:
    """Return where nginx keeps the audio of this hash: its key is the ETag, quotation marks and all."""
    name = hashlib.md5(f'"{audio_sha256}"'.encode(), usedforsecurity=False).hexdigest()
    return cache / name[-1] / name[-3:-1] / name


def asked(url: str, key: str, after: int) -> tuple[list[dict], int]:
    """Return the erasures after one, and the number of the last; OSError or ValueError where nobody tells."""
    request = urllib.request.Request(  # noqa: S310
        f"{url}/api/v1/admin/purges?after={after}", headers={"Authorization": f"Bearer {key}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE_S) as answer:
        told = json.load(answer)
    return told["purges"], told["last"]


def drop(cache: Path, purges: list[dict]) -> int:
    """Remove the files of these erasures and return how many were there."""
    files = [cached_file(cache, sha256) for purge in purges for sha256 in purge["audio_sha256"]]
    found = [file for file in files if file.exists()]
    for file in found:
        file.unlink(missing_ok=True)
    return len(found)


def catch_up(url: str, cache: Path, state: Path, key: str) -> int:
    """Drop everything that was erased since the number in `state`, and note the new one; return how many files went.

    The number is written after the files are gone: cut in between, the same ones are looked for again.
    """
    dropped = 0
    while True:
        after = int(state.read_text()) if state.exists() else 0
        purges, last = asked(url, key, after)
        dropped += drop(cache, purges)
        if last != after:
            aside = state.with_name(f".{state.name}.coming")
            aside.write_text(f"{last}\n")
            aside.replace(state)
        if len(purges) < PAGE:
            return dropped


def main(url: str, cache: str, state: str, key_file: str) -> None:
    """Catch up every few seconds; a failure is told once, until it goes well again."""
    said = ""
    while True:
        try:
            dropped = catch_up(url, Path(cache), Path(state), Path(key_file).read_text().strip())
            failed = ""
        except (OSError, ValueError, KeyError) as failure:
            dropped, failed = 0, f"{type(failure).__name__}: {failure}"
        if dropped:
            sys.stdout.write(f"dropped {dropped}\n")
        if failed != said:
            sys.stdout.write(f"cannot ask: {failed}\n" if failed else "asking again\n")
            said = failed
        sys.stdout.flush()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
