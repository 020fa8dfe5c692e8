"""A backup, an erasure after it, a new machine, the restore: all is there again but what was erased."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.client import Client
from tests.install.media import Medium
from tests.install.node import Node, node
from tests.install.playbook import changes, install
from tests.install.reading import reading
from tests.services import tool

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
FOLDER, RECIPIENTS, IDENTITY = "/var/backups/meeshy", "/etc/meeshy/backup-recipients", "/root/backup.key"
TABLES = ("jobs", "targets", "usage", "api_keys", "applications", "plans")
OWN = "SELECT id FROM applications WHERE name LIKE '% of appliance'"
VALID = f"SELECT count(*) FROM api_keys WHERE revoked_s IS NULL AND application_id IN ({OWN}) GROUP BY application_id"
PLAY_S = 900.0
SAID = "country"
"""Stands in the transcript of the note."""
HEADER = b"age-encryption.org/v1"


def told(box: Node, query: str) -> list[str]:
    """Return the lines of what the database answers."""
    words = ["runuser", "--user=postgres", "--", "psql", "-XAt", "--port=5432", "--dbname=meeshy"]
    return box.run(*words, f"--command={query}").stdout.splitlines()


def rows(box: Node) -> dict[str, set[str]]:
    """Return the hashes of each table's rows, without the keys that an installation makes for itself."""
    found = {table: set(told(box, f"SELECT md5(t::text) FROM {table} t")) for table in TABLES}
    found["api_keys"] -= set(told(box, f"SELECT md5(t::text) FROM api_keys t WHERE application_id IN ({OWN})"))
    return found


def objects(box: Node) -> dict[str, str]:
    """Return the hash of every recording and result."""
    folder = box.root / "var/lib/meeshy/data/objects"
    files = [path for kind in ("pcm", "result") for path in (folder / kind).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def play(box: Node, medium: Medium, book: str, *options: str) -> str:
    """Run a playbook of what is installed and return what was printed; AssertionError where it fails."""
    return box.run("sh", medium.script, book, *options, limit_s=PLAY_S).stdout


def backups(box: Node) -> list[str]:
    return sorted(path.name for path in (box.root / FOLDER[1:]).iterdir())


@pytest.fixture(scope="module")
def key(place: Path) -> Path:
    """The private key, which lies on no machine until a restore wants it."""
    file = place / "backup.key"
    subprocess.run([tool("age-keygen", "Debian: age"), "-o", file], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def old(box: Node, installed: str, key: Path) -> Iterator[Node]:
    """The session's machine, with somebody to encrypt for; it keeps no backup."""
    public = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout
    (box.root / RECIPIENTS[1:]).write_text(public)
    yield box
    (box.root / RECIPIENTS[1:]).unlink()
    shutil.rmtree(box.root / FOLDER[1:], ignore_errors=True)


@pytest.fixture
def new(archive, medium, network, place) -> Iterator[Node]:
    """A machine that knows nothing yet."""
    with node("new", 31, network, archive, place, [f"{medium.folder}:{medium.inside}"]) as made:
        yield made


def test_a_new_machine_has_everything_again_but_what_was_erased(old, new, medium, network, place, key):
    client = Client(network, old, place)
    (user, job), = client.ask("submit", client.note, 1).items()  # fmt: skip
    assert client.ask("follow", json.dumps({user: job})) == {user: "done"}
    spoken = place / "statement.wav"
    spoken.write_bytes(reading(client.ask("ask_consent", "emma")))
    profile = client.ask("consent", "emma", spoken)
    assert profile["state"] == "active", profile
    document, as_it_was, stored = client.ask("job", job, user), rows(old), objects(old)
    assert stored
    assert all(as_it_was.values())

    changes(play(old, medium, "backup.yml"))
    (first,) = backups(old)
    assert client.ask("erase", "emma")["complete"] is True
    changes(play(old, medium, "backup.yml"))
    assert backups(old)[0] == first
    assert len(backups(old)) == 2
    assert old.run("systemctl", "is-active", "meeshy-housekeeping").stdout == "active\n"
    assert_nothing_is_readable(old)
    one_without_room_is_refused(old, medium)

    shutil.copytree(old.root / FOLDER[1:], new.root / FOLDER[1:])
    bring_site(new, new.root / FOLDER[1:] / first / "site.tar.age", key)
    install(new, medium, "--extra-vars", json.dumps({"commission_wanted": False}))
    (new.root / IDENTITY[1:]).write_bytes(key.read_bytes())
    given = ["-e", f"restore_from={FOLDER}/{first}/", "-e", f"restore_identity={IDENTITY}"]
    damaged_is_refused(new, medium, first, given)
    what_cannot_be_loaded_leaves_what_is_in_force(new, medium, first, given)
    changes(play(new, medium, "restore.yml", *given))

    after = Client(network, new, place)
    again = rows(new)
    assert [table for table, kept in as_it_was.items() if not kept <= again[table]] == []
    restored = objects(new)
    assert {name: restored.get(name) for name in stored} == stored
    assert told(new, VALID) == ["1", "1"], "of edge and trials"
    assert after.ask("job", job, user) == document
    assert after.ask("profile", "emma")["code"] == "not_found"
    assert not [path for path in (new.root / "var/lib/meeshy/data/objects/voice").rglob("*") if path.is_file()]
    assert after.ask("translate", after.note, "fr")["state"] == "done"
    assert new.run("systemctl", "--failed", "--no-legend").stdout == ""
    assert network.ways_out() == []


def assert_nothing_is_readable(box: Node) -> None:
    """Every byte of the backups is encrypted but the manifests, and those hold no text of anybody."""
    for name in backups(box):
        pieces = list((box.root / FOLDER[1:] / name).iterdir())
        assert len(pieces) == 5
        for piece in pieces:
            content = piece.read_bytes()
            if piece.name == "manifest.json":
                assert SAID.encode() not in content
            else:
                assert content.startswith(HEADER), piece
            assert piece.stat().st_mode & 0o077 == 0, piece


def one_without_room_is_refused(box: Node, medium: Medium) -> None:
    """Where one as large as the newest has no room, no backup is begun."""
    before = backups(box)
    note = box.root / FOLDER[1:] / before[-1] / "manifest.json"
    kept = note.read_text()
    note.write_text(json.dumps(json.loads(kept) | {"bytes": {"objects.tar.age": 10**15}}))
    refused = box.run("sh", medium.script, "backup.yml", check=False, limit_s=PLAY_S)
    note.write_text(kept)
    assert refused.returncode != 0
    assert "another one has no room" in " ".join(refused.stdout.split())
    assert backups(box) == before


def bring_site(box: Node, piece: Path, key: Path) -> None:
    """Unpack the site's folder as docs/install.md says, before anything is installed."""
    plain = subprocess.run(["age", "--decrypt", "-i", key, piece], check=True, capture_output=True).stdout
    command = ["tar", "--extract", f"--directory={box.root}", "--numeric-owner", "etc/meeshy"]
    subprocess.run(command, input=plain, check=True)


def damaged_is_refused(box: Node, medium: Medium, first: str, given: list[str]) -> None:
    """One turned bit stops the restore before anything was changed."""
    piece = box.root / FOLDER[1:] / first / "objects.tar.age"
    whole = piece.read_bytes()
    before = rows(box), objects(box)
    piece.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused = box.run("sh", medium.script, "restore.yml", *given, check=False, limit_s=PLAY_S)
    piece.write_bytes(whole)
    assert refused.returncode != 0
    assert "objects.tar.age is not as it was written" in refused.stdout
    assert (rows(box), objects(box)) == before


def what_cannot_be_loaded_leaves_what_is_in_force(box: Node, medium: Medium, first: str, given: list[str]) -> None:
    """Objects that are no archive, though they are what was encrypted: everything serves again as it was."""
    folder = box.root / FOLDER[1:] / first
    piece, manifest = folder / "objects.tar.age", folder / "manifest.json"
    whole, told_of = piece.read_bytes(), manifest.read_text()
    recipient = subprocess.run(
        ["age-keygen", "-y", box.root / IDENTITY[1:]], check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip
    other = subprocess.run(
        ["age", "--encrypt", "-r", recipient], input=b"no archive", check=True, capture_output=True
    ).stdout
    document = json.loads(told_of)
    document["sha256"][piece.name] = hashlib.sha256(other).hexdigest()
    piece.write_bytes(other)
    manifest.write_text(json.dumps(document))
    before = rows(box)
    failed = box.run("sh", medium.script, "restore.yml", *given, check=False, limit_s=PLAY_S)
    piece.write_bytes(whole)
    manifest.write_text(told_of)
    assert failed.returncode != 0
    assert "what is in force serves again" in " ".join(failed.stdout.split())
    for unit in ("meeshy-api", "meeshy-housekeeping", "meeshy-pool"):
        assert box.run("systemctl", "is-active", unit).stdout == "active\n"
    assert rows(box) == before
