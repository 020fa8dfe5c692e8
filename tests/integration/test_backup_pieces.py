"""The pieces of a backup with the programs that make them, over a wiped database and a wiped object store.

What the playbooks do around it (services, folders, hashes) is tried on a machine: tests/install/test_backup.py.
"""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join

import httpx
import pytest

from appliance.commands.child_environment import child_environment
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.storage.schema import metadata
from appliance.testing.postgres import postgres_programs
from tests.processes.conftest import Appliance, eventually
from tests.processes.person import Person, wav_of
from tests.services import own_postgres as own_postgres
from tests.services import s3_server as s3_server
from tests.services import tool

SECRET = "xylophone"
KEPT = (
    "applications", "api_keys", "plans", "jobs", "targets", "usage", "audit", "events", "voice_profiles",
    "voice_samples", "voice_versions", "voice_tombstones",
)  # fmt: skip
"""Tables that no process changes by itself meanwhile."""
HEADER = b"age-encryption.org/v1"


@dataclass
class Backup:
    """A folder of pieces, and the key pair that they are for."""

    folder: Path
    recipients: Path = field(init=False)
    identity: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.identity, self.recipients = self.folder.with_name("backup.key"), self.folder.with_name("recipients")
        if not self.identity.exists():
            subprocess.run([tool("age-keygen", "Debian: age"), "-o", self.identity], check=True, capture_output=True)
        told = subprocess.run(["age-keygen", "-y", self.identity], check=True, capture_output=True)
        self.recipients.write_bytes(told.stdout)

    def write(self, piece: str, command: list[str], settings: Settings) -> None:
        encrypt = ["age", "--encrypt", "--recipients-file", self.recipients, "--output", self.folder / piece]
        _shell(f"{join(command)} | {join(map(str, encrypt))}", settings)

    def read(self, piece: str, command: list[str], settings: Settings) -> bytes:
        decrypt = ["age", "--decrypt", "--identity", self.identity, self.folder / piece]
        return _shell(f"{join(map(str, decrypt))} | {join(command)}", settings)


def _shell(line: str, settings: Settings) -> bytes:
    told = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; {line}"], env=child_environment(settings), check=False, capture_output=True
    )
    assert told.returncode == 0, told.stderr.decode()[-3000:]
    return told.stdout


def meeshy(*words: str) -> list[str]:
    return [sys.executable, "-m", "appliance.cli", *words]


def postgres(program: str, *words: str) -> list[str]:
    programs = postgres_programs()
    assert programs
    return [str(programs / program), *words]


def rows(settings: Settings) -> dict[str, list[str]]:
    with closing(Database(settings.database)) as database, database.read() as connection:
        tables = [table for table in metadata.sorted_tables if table.name in KEPT]
        return {table.name: sorted(map(repr, connection.execute(table.select()))) for table in tables}


def objects(settings: Settings) -> dict[str, str]:
    store = open_store(settings)
    return {entry.name: hashlib.sha256(store.get(entry.name)).hexdigest() for entry in store.entries("")}


@pytest.fixture
def site(own_postgres, s3_server, tmp_path) -> Iterator[Appliance]:
    """A running appliance on PostgreSQL and an S3 server, with scripted engines."""
    tool("age", "Debian: age")
    folder = tmp_path / "data"
    folder.mkdir()
    settings = Settings(
        data_dir=folder, port=0, database_url=own_postgres.create_database("before"), s3_endpoint=s3_server.endpoint,
        s3_access_key=s3_server.access_key, s3_secret_key=s3_server.secret_key, s3_secure=False,
        s3_bucket=f"before-{secrets.token_hex(4)}",
    )  # fmt: skip
    running = Appliance(settings, "appliance.testing.scripted_serve")
    try:
        running.start()
        yield running
    finally:
        end(running)


def end(appliance: Appliance) -> None:
    if appliance.process is not None and appliance.process.poll() is None:
        os.killpg(appliance.process.pid, signal.SIGKILL)
        appliance.process.wait()


def test_what_was_backed_up_serves_again_and_what_was_erased_since_stays_erased(site, own_postgres, tmp_path):
    alice = Person(site)
    alice.send(alice.ask(), "consent")
    assert eventually(alice.judged, "the consent is judged")["state"] == "active"
    hers = site.submit(wav_of("good morning"), "fr")
    his = site.submit(wav_of(f"the {SECRET} is at home"), "fr", "es", user="bob")
    site.finished(hers)
    document = site.finished(his, user="bob")
    first, later = Backup(tmp_path / "first"), Backup(tmp_path / "later")
    as_it_was = rows(site.settings)
    first.write("database.dump.age", postgres("pg_dump", "--format=custom", site.settings.database), site.settings)
    stored = objects(site.settings)
    first.write("objects.tar.age", meeshy("objects", "save"), site.settings)
    assert alice.erase()["complete"] is True
    later.write("tombstones.tar.age", meeshy("objects", "save", "--prefix", "tombstone/"), site.settings)
    assert site.stop() == 0

    wiped = site.settings.model_copy(
        update={
            "database_url": own_postgres.create_database("after"), "s3_bucket": f"after-{secrets.token_hex(4)}",
            "data_dir": tmp_path / "new",
        }
    )  # fmt: skip
    wiped.data_dir.mkdir()
    for name in ("voice.key", "first_key"):
        (wiped.data_dir / name).write_bytes((site.settings.data_dir / name).read_bytes())
    fill = postgres("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname", wiped.database)
    first.read("database.dump.age", fill, wiped)
    first.read("objects.tar.age", meeshy("objects", "load"), wiped)
    later.read("tombstones.tar.age", meeshy("objects", "load"), wiped)

    assert rows(wiped) == as_it_was
    assert as_it_was["voice_profiles"], "the profile that is to be erased again was in the backup"
    loaded = objects(wiped)
    assert {name: loaded.get(name) for name in stored} == stored
    spared = json.loads(_shell(join(meeshy("objects", "spare", "--json")), wiped))
    assert 23.9 * 3600 < spared["spared_until_s"] - time.time() <= 24 * 3600
    told = json.loads(_shell(f"{join(meeshy('housekeeping', '--once', '--json'))} || [ $? = 1 ]", wiped))
    assert told["duties"]["voice_tombstones"] | {"at_s": 0} == {"at_s": 0, "found": 1, "done": 1, "error": None}
    assert not [name for name in objects(wiped) if name.startswith("voice/")]

    again = Appliance(wiped, "appliance.testing.scripted_serve")
    try:
        again.start()
        assert Person(again).profile()["code"] == "not_found"
        assert again.job(his, user="bob") == document
        audio = httpx.get(
            f"{again.url}{document['targets'][0]['audio_url']}", headers=again.headers, params={"user_id": "bob"}
        )
        assert audio.content.startswith(b"RIFF")
        assert again.finished(again.submit(wav_of("good evening"), "fr", user="bob"), user="bob")["state"] == "done"
    finally:
        end(again)

    for piece in [*first.folder.iterdir(), *later.folder.iterdir()]:
        content = piece.read_bytes()
        assert content.startswith(HEADER)
        assert SECRET.encode() not in content
    plain = first.read("database.dump.age", postgres("pg_restore", "--file=-"), wiped)
    assert SECRET.encode() in plain, "the same search finds it where it is to be"


def test_a_piece_with_one_flipped_bit_is_refused_before_its_end(tmp_path):
    tool("age", "Debian: age")
    backup = Backup(tmp_path / "backup")
    settings = Settings(data_dir=tmp_path / "data")
    (settings.data_dir / "objects" / "pcm").mkdir(parents=True)
    (settings.data_dir / "objects" / "pcm" / "a").write_bytes(secrets.token_bytes(300_000))
    backup.write("objects.tar.age", meeshy("objects", "save"), settings)
    piece = backup.folder / "objects.tar.age"
    content = bytearray(piece.read_bytes())
    content[len(content) // 2] ^= 1
    piece.write_bytes(content)

    told = subprocess.run(
        ["age", "--decrypt", "--identity", backup.identity, piece], check=False, stdout=subprocess.DEVNULL
    )  # fmt: skip

    assert told.returncode != 0
