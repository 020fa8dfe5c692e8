"""Gets model files from the site's HTTP mirror, going on where a cut download ended."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx

from appliance.catalog.fetch import Fetching, WantedFile, known_total_bytes
from appliance.errors import PullFailed

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
Tell = Callable[[int], None]
FRUITLESS_TRIES = 3
"""Cut connections in a row that brought no byte before the mirror is given up."""


class MirrorFetcher:
    """Downloads from `<base>/<file>`, keeping unfinished files for a later pull."""

    def __init__(self, base_url: str) -> None:
        """Download from below `base_url`, which stands for the model's folder."""
        self._base_url = base_url.rstrip("/")

    def total_bytes(self, fetching: Fetching) -> int | None:
        """Return the size of the wanted files, None where one is not known."""
        return known_total_bytes(fetching)

    def fetch(self, fetching: Fetching) -> None:
        """Put every wanted file into the staging folder, verified."""
        done_bytes = 0
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
            for wanted in fetching.wanted:
                done_bytes += self._one(client, wanted, fetching, done_bytes)

    def _one(self, client: httpx.Client, wanted: WantedFile, fetching: Fetching, done_bytes: int) -> int:
        partial = fetching.staging.work / "mirror" / f"{wanted.file.path}.part"
        partial.parent.mkdir(parents=True, exist_ok=True)
        url = f"{self._base_url}/{quote(wanted.file.path)}"
        fruitless = 0
        while True:
            before = _size(partial)
            try:
                self._continue(client, url, partial, wanted, lambda here: fetching.on_bytes(done_bytes + here))
                break
            except httpx.HTTPError as error:
                fruitless = 0 if _size(partial) > before else fruitless + 1
                if fruitless == FRUITLESS_TRIES:
                    raise PullFailed(f"{url} cannot be read: {error or type(error).__name__}") from error
        size_bytes = _size(partial)
        fetching.staging.accept(wanted.file, partial, wanted.sha256)
        return size_bytes

    def _continue(self, client: httpx.Client, url: str, partial: Path, wanted: WantedFile, tell: Tell) -> None:
        here = _size(partial)
        expected = wanted.file.size_bytes
        if expected is not None and here == expected:
            return
        if expected is not None and here > expected:
            partial.unlink()
            here = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                # The file there is not longer than the part here: the part is of another file, or whole.
                if expected is None:
                    return
                partial.unlink()
                raise PullFailed(f"{url} is shorter than the catalog says")
            if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                raise PullFailed(f"{url} answered {response.status_code}")
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
                raise PullFailed(f"{url} answered with another range than the one asked for")
            here = here if resumed else 0
            with partial.open("ab" if resumed else "wb") as stream:
                # No block size: httpx would hold a block back until it is full and lose it when the connection is cut.
                for block in response.iter_raw():
                    here += len(block)
                    if expected is not None and here > expected:
                        raise PullFailed(f"{url} is longer than the catalog's {expected} bytes")
                    stream.write(block)
                    tell(here)
        if expected is not None and here < expected:
            raise httpx.ReadError(f"it ended after {here} of {expected} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
