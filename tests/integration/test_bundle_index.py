"""Wheels come from whatever index pip is configured for: one with a login, one without metadata files."""

import base64
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from installer.build.failure import FetchFailed
from installer.build.fetch import fetch
from tests.bundle_world import make_world

LOGIN = "Basic " + base64.b64encode(b"reader:secret").decode()


class Index:
    """A simple index of the wheels in a folder; `sent` are the wheels that went out, `login` is asked for if set."""

    def __init__(self, folder: Path, login: str = "") -> None:
        self.folder, self.login, self.sent = folder, login, []

    def answer(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        if self.login and handler.headers.get("Authorization") != self.login:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="index"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        raw, kind = self.page(handler.path.strip("/").split("/"))
        if body and kind != "text/html":
            self.sent.append(handler.path)
        handler.send_response(200 if raw else 404)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(raw)))
        handler.send_header("Cache-Control", "max-age=3600")
        handler.end_headers()
        if body:
            handler.wfile.write(raw)

    def page(self, path: list[str]) -> tuple[bytes, str]:
        if path[0] == "simple":
            names = sorted(each.name for each in self.folder.glob(f"{path[1]}-*.whl"))
            return "".join(f'<a href="/files/{name}">{name}</a>' for name in names).encode(), "text/html"
        return (self.folder / path[1]).read_bytes(), "application/octet-stream"


@pytest.fixture
def serve(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    stops = []

    def start(login=""):
        index = Index(tmp_path / "index", login)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                index.answer(self, body=True)

            def do_HEAD(self):
                index.answer(self, body=False)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        stops.append((server, thread))
        monkeypatch.setenv("PIP_TRUSTED_HOST", "127.0.0.1")  # pip keeps nothing that came over plain HTTP otherwise
        user = "reader:secret@" if login else ""
        monkeypatch.setenv("PIP_INDEX_URL", f"http://{user}127.0.0.1:{server.server_port}/simple/")
        return index

    yield start
    for server, thread in stops:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_index_without_metadata_files_sends_each_wheel_once(serve, tmp_path):
    world = make_world(tmp_path, debs=False)
    index = serve()
    items = fetch(world.builder(), lambda _: None)

    assert sorted(index.sent) == ["/files/alpha-1.0-py3-none-any.whl", "/files/beta-2.1-py3-none-any.whl"]
    assert all(world.builder().cache.holds(item.sha256) for item in items)
    assert not (world.builder().cache.root / "pip").exists()


def test_an_index_with_a_login_is_read_by_pip(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    world = make_world(tmp_path, debs=False)
    serve(LOGIN)
    said = []
    items = fetch(world.builder(), said.append)

    assert [item.path for item in items if item.kind == "wheel"] == [
        "wheels/alpha-1.0-py3-none-any.whl",
        "wheels/beta-2.1-py3-none-any.whl",
    ]
    assert "secret" not in "".join(said) + world.builder().note().read_text()


def test_an_index_that_vanishes_is_told_with_both_reasons(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    world = make_world(tmp_path, debs=False)
    index = serve()

    def vanish(line):
        if line.startswith("to fetch"):
            index.login = LOGIN

    with pytest.raises(FetchFailed, match=r"answered 401\. And pip:"):
        fetch(world.builder(), vanish)
