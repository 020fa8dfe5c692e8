"""What the appliance erased goes out of nginx's cache, once, and nothing else does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.ansible_code import load

KEY = "mk_test"


@pytest.fixture(scope="module")
def edge_purge():
    return load("roles/edge/files/edge_purge.py")


class Appliance:
    """Answers as the route of purges does; `purges` are those that it has."""

    def __init__(self) -> None:
        self.purges: list[dict] = []
        self.asked_after: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers["Authorization"] != f"Bearer {KEY}":
                    self.send_error(401)
                    return
                after = int(parse_qs(urlsplit(self.path).query)["after"][0])
                outer.asked_after.append(after)
                found = [each for each in outer.purges if each["id"] > after][:1000]
                body = json.dumps({"purges": found, "last": found[-1]["id"] if found else after}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def appliance():
    made = Appliance()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def keep(edge_purge, cache: Path, sha256: str) -> Path:
    file = edge_purge.cached_file(cache, sha256)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"audio")
    return file


def erasure(number: int, *sha256: str) -> dict:
    return {"id": number, "at_s": 0.0, "audio_sha256": list(sha256)}


def test_a_cached_file_lies_where_nginx_puts_it(edge_purge):
    # printf '"%s"' abc | md5sum
    assert edge_purge.cached_file(Path("/c"), "abc") == Path("/c/0/b9/ebd9f4c7b06cb0aaf5d13d80e49d8b90")


def test_what_was_erased_goes_and_everything_else_stays(edge_purge, appliance, tmp_path):
    gone, stays = (keep(edge_purge, tmp_path, name) for name in ("a" * 64, "b" * 64))
    appliance.purges = [erasure(3, "a" * 64, "f" * 64)]

    assert edge_purge.catch_up(appliance.url, tmp_path, tmp_path / "after", KEY) == 1

    assert not gone.exists()
    assert stays.exists()


def test_it_goes_on_where_it_was_and_reads_on_while_there_is_more(edge_purge, appliance, tmp_path):
    appliance.purges = [erasure(number, f"{number:064x}") for number in range(1, 1501)]
    last = keep(edge_purge, tmp_path, f"{1500:064x}")

    edge_purge.catch_up(appliance.url, tmp_path, tmp_path / "after", KEY)
    edge_purge.catch_up(appliance.url, tmp_path, tmp_path / "after", KEY)

    assert not last.exists()
    assert appliance.asked_after == [0, 1000, 1500]


def test_a_refusal_is_an_error_and_the_place_stays(edge_purge, appliance, tmp_path):
    (tmp_path / "after").write_text("7\n")
    appliance.purges = [erasure(8, "a" * 64)]

    with pytest.raises(OSError, match="401"):
        edge_purge.catch_up(appliance.url, tmp_path, tmp_path / "after", "another")

    assert (tmp_path / "after").read_text() == "7\n"
