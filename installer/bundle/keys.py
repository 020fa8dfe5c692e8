"""The public keys that a site trusts: a file that reaches it by another way than the bundle."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from installer.bundle.refusal import KeysUnreadable

FORMAT = "meeshy-bundle-key-1"
DEFAULT_FILE = Path("/etc/meeshy/bundle-keys")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One Ed25519 public key of 32 bytes, and whose it is."""

    public: bytes
    owner: str

    @property
    def id(self) -> str:
        """Return the first 16 hexadecimal digits of the key's SHA-256."""
        return key_id(self.public)

    def line(self) -> str:
        """Return the key as one line of a file of trusted keys."""
        return f"{FORMAT} {base64.b64encode(self.public).decode()} {self.owner}".rstrip() + "\n"


def key_id(public: bytes) -> str:
    """Return the name under which a key is spoken of."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_keys(path: Path) -> dict[str, TrustedKey]:
    """Return the trusted keys of a file by id; one per line, `#` begins a comment. Raises KeysUnreadable."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadable(f"{path}: {getattr(error, 'strerror', None) or error}.") from None
    keys = [_key(path, number, line) for number, line in enumerate(lines, 1) if line.split("#")[0].strip()]
    if not keys:
        raise KeysUnreadable(f"{path} holds no key.")
    return {key.id: key for key in keys}


def _key(path: Path, number: int, line: str) -> TrustedKey:
    words = line.split("#")[0].split(maxsplit=2)
    if len(words) < 2 or words[0] != FORMAT:
        raise KeysUnreadable(f"{path}, line {number}: a key reads `{FORMAT} BASE64 OWNER`.")
    try:
        public = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        public = b""
    if len(public) != 32:
        raise KeysUnreadable(f"{path}, line {number}: the key is not 32 bytes in base64.")
    return TrustedKey(public, words[2].strip() if len(words) > 2 else "")
