"""What need not be translated again: phrases of the library, and the owner's own sentences of the last days."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import Answer
from appliance.cache.keys import translation_key
from appliance.cache.kinds import Kind
from appliance.cache.library import look_up
from appliance.owner import Owner
from appliance.stages.context import Context
from appliance.stages.work import Work


class KnownSentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence's translation with who made it."""

    text: str
    score: float | None = None
    alternatives: tuple[str, ...] = ()
    engines: tuple[str, ...]
    quality: str
    back: str = ""
    """Brought back to the language that was heard, by `back_by`; empty where that was not done."""
    back_by: str = ""
    memory: str = ""
    """`phrases` or `translations` when it was remembered, empty when it was made now."""


class Wanted(NamedTuple):
    """Sentences of one target that may be known; `translator` is the key of the engine that would be asked."""

    owner: Owner
    pair: tuple[str, str]
    translator: str
    texts: Sequence[str]


def remember(context: Context, wanted: Sequence[Wanted]) -> list[dict[str, KnownSentence]]:
    """Return the known ones of each target's sentences; the library comes before the engine's own earlier work."""
    cached = [of_owner(each) for each in wanted]
    own = context.cache.recall(Kind.TRANSLATION, {key for keys in cached for key in keys})
    with context.database.read() as connection:
        library = look_up(connection, [(each.texts, each.pair, each.translator) for each in wanted])
    return [
        {text: own_sentence(own[key]) for key, text in of_owner.items() if key in own}
        | {text: _of_site(row) for text, row in of_library.items()}
        for of_owner, of_library in zip(cached, library, strict=True)
    ]


def of_owner(wanted: Wanted) -> dict[str, str]:
    """Return the sentences by the keys under which the owner's own translations of them are kept."""
    return {translation_key(wanted.owner, text, *wanted.pair, wanted.translator): text for text in wanted.texts}


def learned(
    work: Work, pair: tuple[str, str], translator: str, sentences: Iterable[tuple[str, KnownSentence]], lasts_s: float
) -> list[Answer]:
    """Return what is to be kept of sentences that an engine has translated, for their owner only."""
    return [
        work.answer(translation_key(work.job.owner, text, *pair, translator), Kind.TRANSLATION, sentence, lasts_s)
        for text, sentence in sentences
    ]


def own_sentence(value: Any) -> KnownSentence:
    """Return a kept translation as the sentence that it is."""
    return msgspec.structs.replace(msgspec.convert(value, KnownSentence), memory="translations")


def _of_site(row: sa.Row) -> KnownSentence:
    # What an engine made keeps that engine's name, wherever it is remembered.
    engines = tuple(row.translator.split("+")) if row.translator else (f"phrases/{row.origin}",)
    return KnownSentence(text=row.text, engines=engines, quality=row.quality, memory="phrases")
