"""Every key that answers are kept under. A key holds the owner and everything that shapes the value."""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping

import msgspec

from appliance.cache.phrase_form import phrase_form
from appliance.owner import Owner


def digest(*parts: object) -> str:
    """Return a SHA-256 over the parts' JSON, which no two different lists of parts share."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def owner_digest(owner: Owner) -> str:
    """Return the folder name of an owner's objects: stable, and telling nobody the user's id."""
    return digest("owner", owner.application_id, owner.user_id)[:32]


def result_key(owner: Owner, audio_sha256: str, target: str, pipeline: str, asked: Mapping[str, object]) -> str:
    """Return the key of one language's finished audio.

    `pipeline` is the digest of all engines and settings that lead to the language, `asked` what the request chose.
    """
    return digest("result", owner.application_id, owner.user_id, audio_sha256, target, pipeline, sorted(asked.items()))


def transcription_key(owner: Owner, audio_sha256: str, source_language: str | None, transcriber: str) -> str:
    """Return the key of what was heard in a recording."""
    return digest("heard", owner.application_id, owner.user_id, audio_sha256, source_language, transcriber)


def translation_key(owner: Owner, text: str, source: str, target: str, translator: str) -> str:
    """Return the key of one segment's translation by one engine; another engine's result never answers for it."""
    return digest("translated", owner.application_id, owner.user_id, normalised(text), source, target, translator)


def phrase_key(text: str, source: str, target: str, translator: str = "") -> str:
    """Return the key of a phrase of the library, which belongs to the site and to no user.

    Without a translator it is the corpus' own pair; with one, what that engine made of the phrase.
    """
    made_by = (translator,) if translator else ()
    return digest("phrase", phrase_form(text, source), source, target, *made_by)


def saying_key(secret: str, phrase: str) -> str:
    """Return the key under which it is counted who says a phrase; the site's secret makes it useless elsewhere.

    `phrase` is the phrase's key without a translator.
    """
    return hmac.new(secret.encode(), phrase.encode(), hashlib.sha256).hexdigest()


def utterance_key(
    owner: Owner, text: str, language: str, voice_version: str, synthesizer: str, verifier: str,
    limits: Mapping[str, float],
) -> str:  # fmt: skip
    """Return the key of one utterance, spoken in one version of a voice by one engine and heard right by another.

    Case and punctuation stay: they are read aloud. `limits` are those that it was accepted under.
    """
    return digest(
        "spoken", owner.application_id, owner.user_id, normalised(text), language, voice_version, synthesizer, verifier,
        sorted(limits.items()),
    )  # fmt: skip


def ahead_key(owner: Owner, text: str, language: str, voice_version: str, synthesizer: str) -> str:
    """Return the key of one sentence that was spoken ahead in a version of an owner's voice, and not heard yet."""
    return digest(
        "spoken ahead", owner.application_id, owner.user_id, normalised(text), language, voice_version, synthesizer
    )  # fmt: skip


def normalised(text: str) -> str:
    """Return the text in NFC with single spaces, so that invisible differences do not miss."""
    return " ".join(unicodedata.normalize("NFC", text).split())
