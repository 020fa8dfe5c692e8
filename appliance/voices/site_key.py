"""The site's key, which every profile's own key is wrapped with: a file that the site keeps and backs up."""

import base64
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from appliance.errors import VoiceKeyUnusable
from appliance.settings import Settings
from appliance.storage.site import set_site_value, site_value

KEY_BYTES = 32
DEFAULT_NAME = "voice.key"
KNOWN_KEY = "voice_key"
"""The site's value with the fingerprint of the key in use: a host with another file is told so at once."""


def site_key(settings: Settings) -> bytes:
    """Return the 32 bytes of the key file, or raise VoiceKeyUnusable."""
    path = key_path(settings)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except FileNotFoundError:
        raise VoiceKeyUnusable(f"The key file '{path.name}' is not there.") from None
    except (OSError, ValueError) as error:
        raise VoiceKeyUnusable(f"The key file '{path.name}' cannot be read: {type(error).__name__}.") from error
    if len(key) != KEY_BYTES:
        raise VoiceKeyUnusable(f"The key file '{path.name}' does not hold {KEY_BYTES} bytes in base64.")
    return key


def agreed_key(connection: sa.Connection, settings: Settings, now_s: float) -> bytes:
    """Return the key for sealing a new profile: the one that the site's profiles are sealed with, or its first.

    A file is made only where none was ever used and none is named by the settings: with a fresh key in the place of a
    lost one, nobody would notice the loss before the next restart. VoiceKeyUnusable where file and site disagree.
    """
    known = site_value(connection, KNOWN_KEY)
    if known is None and not settings.voice_key_file:
        _make(key_path(settings))
    key = site_key(settings)
    if known is None:
        set_site_value(connection, KNOWN_KEY, fingerprint(key), now_s)
    elif known != fingerprint(key):
        raise VoiceKeyUnusable(
            "The key file of this host is not the one that the site's profiles are sealed with: "
            "every host needs the same file (MEESHY_VOICE_KEY_FILE)."
        )
    return key


def key_path(settings: Settings) -> Path:
    """Return where the key lies."""
    return Path(settings.voice_key_file) if settings.voice_key_file else settings.data_dir / DEFAULT_NAME


def fingerprint(key: bytes) -> str:
    """Return what a key is recognised by; nothing of the key follows from it."""
    return hashlib.sha256(b"meeshy voice key\0" + key).hexdigest()[:16]


def _make(path: Path) -> None:
    """Write a fresh key unless there is a file; of processes that start together, one makes it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # Linked and not renamed: an existing file, and a key that is in use already, stays.
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    # The name too has to survive a power cut: profiles are sealed with this key in a moment.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
