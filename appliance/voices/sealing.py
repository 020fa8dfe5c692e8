"""Sealing: what a profile holds is encrypted with a key of its own, which is destroyed when the profile is erased.

The profile's key is random, wrapped with the site's key, and an object of its own in the store. It is in no database:
a deleted row stays readable in PostgreSQL's files and log for a while, and in every backup of them, a deleted object
does not. AES-256-GCM throughout. The additional authenticated data name owner, profile, kind and row, so that a box
that is moved to another place does not open.
"""

import hashlib
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.errors import NotFound, VoiceKeyUnusable, VoiceSealBroken
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.objects import ObjectStore
from appliance.voices.site_key import KEY_BYTES, site_key

_FORMAT = b"\x01"
_NONCE_BYTES = 12
"""Random ones: with 96 bits and one key per profile, two alike are not to be expected before 2^32 boxes."""


class ProfileKey:
    """One profile's key; seals what belongs to the profile and opens it again."""

    def __init__(self, key: bytes, owner: Owner, profile_id: str) -> None:
        """Seal for this owner's profile."""
        self._key = AESGCM(key)
        self._of = (owner.application_id, owner.user_id, profile_id)

    def seal(self, kind: str, row_id: str, content: bytes) -> bytes:
        """Return the content in a box that opens only as this kind of thing under this id."""
        return _sealed(self._key, content, (*self._of, kind, row_id))

    def open(self, kind: str, row_id: str, box: bytes) -> bytes:
        """Return what was sealed, or raise VoiceSealBroken."""
        try:
            return _opened(self._key, box, (*self._of, kind, row_id))
        except InvalidTag:
            raise VoiceSealBroken from None


class Vault:
    """Where profiles' keys lie, wrapped with the site's."""

    def __init__(self, settings: Settings, objects: ObjectStore) -> None:
        """Keep keys in this store."""
        self._settings = settings
        self._objects = objects

    def make(self, site: bytes, owner: Owner, profile_id: str, folder: str) -> str:
        """Store a fresh key for a profile under a name in this folder, and return the name."""
        wrapped = _sealed(AESGCM(site), secrets.token_bytes(KEY_BYTES), _wrapping(owner, profile_id))
        name = f"{folder}key-{hashlib.sha256(wrapped).hexdigest()[:32]}"
        self._objects.put(name, wrapped)
        return name

    def key(self, owner: Owner, profile_id: str, name: str) -> ProfileKey:
        """Return a profile's key; NotFound once it is erased, VoiceKeyUnusable where the site's key does not fit."""
        try:
            wrapped = self._objects.get(name)
        except NotFound:
            raise NotFound("The voice profile is erased.") from None
        try:
            key = _opened(AESGCM(site_key(self._settings)), wrapped, _wrapping(owner, profile_id))
        except InvalidTag:
            raise VoiceKeyUnusable("The site's key file is not the one that this profile was sealed with.") from None
        return ProfileKey(key, owner, profile_id)


def _wrapping(owner: Owner, profile_id: str) -> tuple[str, ...]:
    return (owner.application_id, owner.user_id, profile_id, "key", profile_id)


def _sealed(key: AESGCM, content: bytes, of: tuple[str, ...]) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _FORMAT + nonce + key.encrypt(nonce, content, _FORMAT + msgspec.json.encode(of))


def _opened(key: AESGCM, box: bytes, of: tuple[str, ...]) -> bytes:
    if box[:1] != _FORMAT or len(box) <= 1 + _NONCE_BYTES:
        raise InvalidTag
    nonce, sealed = box[1 : 1 + _NONCE_BYTES], box[1 + _NONCE_BYTES :]
    return key.decrypt(nonce, sealed, _FORMAT + msgspec.json.encode(of))
