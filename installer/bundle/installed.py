"""What is installed on this machine, as the installation noted it down."""

import json
from pathlib import Path

from installer.bundle.refusal import FormatUnknown, StateUnreadable
from installer.bundle.versions import Release, version_key

DEFAULT_FILE = Path("/var/lib/meeshy/install-state.json")


def read_installed(path: Path = DEFAULT_FILE) -> Release | None:
    """Return the installed release, None where the file does not exist: nothing is installed then.

    Raises StateUnreadable for a file that cannot be read: a damaged note must not open the way to an older version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = Release(str(document["version"]), int(document["built_s"]))
        version_key(found.version)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, FormatUnknown, RecursionError) as error:
        raise StateUnreadable(f"{path}: {error}.") from None
    return found
