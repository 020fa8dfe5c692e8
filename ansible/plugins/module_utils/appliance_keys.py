"""An API key of the appliance in a file of a machine: looked at by using it, made anew where it is refused."""

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

UNKNOWN, FORBIDDEN = 401, 403
PATIENCE_S = 30.0

Run = Callable[[list[str]], str]
"""Runs `meeshy` with these words and returns what it printed."""


def why_anew(file: Path, role: str, url: str) -> str:
    """Return why the key in a file cannot be used in that role, an empty text where it can.

    The appliance's own answer decides, so a key that was revoked, or that a restored database does not know, is found.
    Raises OSError where the appliance does not answer.
    """
    try:
        key = file.read_text().strip()
    except FileNotFoundError:
        return "there is none"
    request = urllib.request.Request(f"{url}/api/v1/admin/me", headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    try:
        # Proxies that the environment names are not used: the key would pass them.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE_S) as answer:
            found = json.load(answer)["role"]
    except urllib.error.HTTPError as refusal:
        if refusal.code == FORBIDDEN:
            found = "app"  # it is known, and may use the appliance but not ask about it
        elif refusal.code == UNKNOWN:
            return "the appliance refuses it"
        else:
            raise
    return "" if found == role else f"its role is {found}"


def make_key(file: Path, application: str, role: str, run: Run, formerly: Sequence[str] = ()) -> None:
    """Make the key, write it for root alone, and revoke what the application had before, also by its former names.

    Interrupted anywhere, the next call does it again, and no key stays valid that is in no file.
    """
    made = json.loads(run(["keys", "create", application, "--role", role, "--json"]))
    _write_private(file, made["key"] + "\n")
    for each in json.loads(run(["keys", "list", "--json"]))["keys"]:
        if each["application"] in (application, *formerly) and each["id"] != made["id"] and each["revoked_s"] is None:
            run(["keys", "revoke", each["id"], "--json"])


def _write_private(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
