"""Fetching goes on within a file that was cut, and keeps nothing that is not the pinned file."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from installer.build.cache import Cache
from installer.build.download import download, length_of
from installer.build.failure import ChecksumWrong, FetchFailed

CONTENTS = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENTS).hexdigest()


@dataclass
class Server:
    """Serves one file; `cuts` says for each next answer after how many bytes the connection breaks."""

    contents: bytes = CONTENTS
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


def handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(server.contents)))
            self.end_headers()

        def do_GET(self):
            asked = self.headers.get("Range")
            server.asked.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
            if start >= len(server.contents):
                self.send_error(416)
                return
            body = server.contents[start:]
            self.send_response(server.status if server.status != 200 else 206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = server.cuts.pop(0) if server.cuts else len(body)
            self.wfile.write(body[:cut])
            self.close_connection = True

    return Handler


@pytest.fixture
def server():
    found = Server()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    found.url = f"http://127.0.0.1:{listening.server_port}/file.whl"
    yield found
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_a_file_that_is_cut_three_times_arrives_and_no_byte_is_sent_twice(server, cache):
    server.cuts = [100_000, 200_000, 300_000]
    heard = []

    path = download(server.url, SHA256, cache, heard.append)

    assert path.read_bytes() == CONTENTS
    assert server.asked == [None, "bytes=100000-", "bytes=300000-", "bytes=600000-"]
    assert heard == sorted(heard)
    assert heard[-1] == len(CONTENTS)


def test_what_an_interrupted_run_left_is_taken_up_by_the_next(server, cache):
    server.cuts = [400_000, 0]
    with pytest.raises(FetchFailed, match="missing"):
        download(server.url, SHA256, cache)
    assert cache.partial(SHA256).stat().st_size == 400_000
    server.asked.clear()

    assert download(server.url, SHA256, cache).read_bytes() == CONTENTS
    assert server.asked == ["bytes=400000-"]
    assert download(server.url, SHA256, cache) == cache.path(SHA256)
    assert len(server.asked) == 1, "what is there is not asked for again"


def test_a_server_without_ranges_sends_all_of_it_again(server, cache):
    server.ranges, server.cuts = False, [5000]

    assert download(server.url, SHA256, cache).read_bytes() == CONTENTS


def test_a_server_that_always_cuts_at_the_same_place_is_given_up(server, cache):
    server.ranges, server.cuts = False, [5000] * 9

    with pytest.raises(FetchFailed):
        download(server.url, SHA256, cache)
    assert len(server.asked) == 2


def test_another_file_is_refused_and_not_kept(server, cache):
    server.contents = CONTENTS[:-1] + b"!"

    with pytest.raises(ChecksumWrong):
        download(server.url, SHA256, cache)
    assert not cache.holds(SHA256)
    assert not cache.partial(SHA256).exists()


def test_a_partial_file_of_something_else_heals_by_starting_anew(server, cache):
    cache.partial(SHA256).write_bytes(b"x" * 5000)

    with pytest.raises(ChecksumWrong):
        download(server.url, SHA256, cache)
    assert download(server.url, SHA256, cache).read_bytes() == CONTENTS


def test_a_whole_file_that_was_never_settled_is_not_fetched_again(server, cache):
    cache.partial(SHA256).write_bytes(CONTENTS)

    assert download(server.url, SHA256, cache).read_bytes() == CONTENTS
    assert server.asked == [f"bytes={len(CONTENTS)}-"]


def test_a_refusal_is_told_without_the_address_s_secrets(server, cache):
    server.status = 403

    with pytest.raises(FetchFailed, match="answered 403") as failed:
        download(f"{server.url}?token=secret", SHA256, cache)
    assert "secret" not in str(failed.value)
    with pytest.raises(FetchFailed) as failed:
        download(server.url.replace("http://", "http://user:secret@"), SHA256, cache)
    assert "secret" not in str(failed.value)


def test_files_of_this_machine_are_taken_as_they_are(tmp_path, cache):
    (tmp_path / "a file.whl").write_bytes(CONTENTS)
    url = (tmp_path / "a file.whl").as_uri()

    assert length_of(url) == len(CONTENTS)
    assert download(url, SHA256, cache).read_bytes() == CONTENTS
    with pytest.raises(ChecksumWrong):
        download(url, "0" * 64, cache)
    with pytest.raises(FetchFailed, match="no address"):
        download("ftp://example.org/x", "0" * 64, cache)


def test_a_length_that_nobody_knows_is_minus_one(server):
    server.status = 500

    assert length_of(server.url) == -1
