"""The key of the first start: there is no default key, so one is made and left where only its owner can read it."""

import os
import secrets
from pathlib import Path

import sqlalchemy as sa

from appliance.access.keys import add_key
from appliance.storage.database import Database
from appliance.storage.tables import api_keys

FIRST_KEY_FILE = "first_key"
FIRST_APPLICATION = "first"


def ensure_first_key(database: Database, data_dir: Path) -> Path | None:
    """Where no key exists yet, make one with the roles admin and app and return the file (mode 0600) it is in.

    Returns None where keys exist. The key counts only once the file is on disk; of two processes that start together
    one makes it.
    """
    with database.write() as connection:
        if connection.scalar(sa.select(api_keys.c.id).limit(1)) is not None:
            return None
        issued = add_key(connection, FIRST_APPLICATION, "admin+app", database.now_s(connection))
        path = data_dir / FIRST_KEY_FILE
        _write_private(path, issued.key + "\n")
    return path


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
