"""The release engineer's signing key: an Ed25519 key in a file that only its owner can read."""

import os
from pathlib import Path

from appliance.errors import CommandFailed
from installer.bundle.keys import TrustedKey


class FileKey:
    """A private key in PKCS 8, PEM, with or without a passphrase."""

    def __init__(self, path: Path, passphrase: bytes | None, owner: str = "") -> None:
        """Read the key; CommandFailed where it cannot be used. `owner` is whose it is, for people."""
        # Loaded here, since only signing needs it.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        try:
            if path.stat().st_mode & 0o077:
                raise CommandFailed(f"{path} can be read by others; chmod 600 it, and think about who has read it.")
            key = load_pem_private_key(path.read_bytes(), passphrase)
        except OSError as error:
            raise CommandFailed(f"The key {path} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError) as error:
            raise CommandFailed(f"The key {path} cannot be used: {error}.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise CommandFailed(f"The key {path} is not an Ed25519 key.")
        self._key = key
        self.trusted = TrustedKey(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), owner)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes."""
        return self._key.sign(message)


def make_key(private: Path, public: Path, owner: str, passphrase: bytes | None) -> TrustedKey:
    """Write a key pair, the private half with mode 0600; CommandFailed where one of the files exists."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    taken = [path for path in (private, public) if path.exists()]
    if taken:
        raise CommandFailed(f"{taken[0]} exists; a key is never overwritten.")
    try:
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        trusted = FileKey(private, passphrase, owner).trusted
        public.write_text(trusted.line())
    except OSError as error:
        raise CommandFailed(f"The key cannot be written: {error.strerror}.") from None
    return trusted
