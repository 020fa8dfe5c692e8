"""SQLite databases at the newest schema, copied from one that was migrated once, in a hundredth of the time."""

import tempfile
from functools import cache
from pathlib import Path

from appliance.storage.database import Database
from appliance.storage.migrate import migrate


def fresh_sqlite(path: Path) -> str:
    """Lay an empty, migrated database at `path`; return its URL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_migrated())
    return f"sqlite:///{path}"


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "empty.sqlite3")
        database = Database(f"sqlite:///{path}")
        migrate(database)
        database.close()  # the last one to close it leaves no log beside it
        return path.read_bytes()
