"""What need not be translated again: phrases of the library, and the owner's own sentences of the last days."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import keep, recall
from appliance.cache.keys import phrase_key, translation_key
from appliance.owner import Owner
from appliance.storage.tables import phrases


class KnownSentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence's translation with who made it."""

    text: str
    score: float | None = None
    alternatives: tuple[str, ...] = ()
    engines: tuple[str, ...]
    quality: str
    memory: str = ""
    """`phrases` or `translations` when it was remembered, empty when it was made now."""


def remember(
    connection: sa.Connection, owner: Owner, pair: tuple[str, str], translator: str, texts: Sequence[str], now_s: float
) -> dict[str, KnownSentence]:
    """Return the known ones of these sentences; the library comes before the engine's own earlier work."""
    source, target = pair
    cached = {translation_key(owner, text, source, target, translator): text for text in texts}
    found = {
        cached[key]: msgspec.structs.replace(msgspec.convert(value, KnownSentence), memory="translations")
        for key, value in recall(connection, list(cached), now_s).items()
    }
    library = {phrase_key(text, source, target): text for text in texts}
    rows = connection.execute(sa.select(phrases).where(phrases.c.key.in_(list(library))))
    for row in rows:
        found[library[row.key]] = KnownSentence(
            text=row.text, engines=(f"phrases/{row.origin}",), quality="standard", memory="phrases"
        )
    return found


def learn(
    connection: sa.Connection,
    owner: Owner,
    pair: tuple[str, str],
    translator: str,
    sentences: Iterable[tuple[str, KnownSentence]],
    expires_s: float,
    job_id: str,
) -> None:
    """Keep sentences that an engine has translated, for their owner only; deleting the job takes them away."""
    values: dict[str, Any] = {
        translation_key(owner, text, *pair, translator): msgspec.to_builtins(sentence) for text, sentence in sentences
    }
    keep(connection, owner, "translation", values, expires_s, job_id)
