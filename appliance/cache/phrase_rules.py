"""What each language's writing leaves open without a change of meaning, as data; `phrase_form.py` applies it.

A language without rules of its own gets those of `EVERY_LANGUAGE` alone, which touch neither letters nor case. A rule
is here only where no two sentences that mean different things become one; in doubt a phrase is translated once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Rules:
    """What may be written in several ways in one language."""

    first_letter: Literal["keep", "fold", "fold_dotless"] = "keep"
    """Whether a capital at the start says nothing. `fold_dotless`: capital I without a dot is dotless ı."""
    capitals: frozenset[str] = frozenset()
    """First words whose capital tells two words apart: `Polish` and `polish`."""
    upright: frozenset[str] = frozenset()
    """Words that are always written with a capital, in lower case: English `i`."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Letters that are written in two ways: `œ` is `oe`."""
    elided: frozenset[str] = frozenset()
    """What loses a vowel before an apostrophe, after which a space means nothing: `l' homme`."""
    ordinal_dot: bool = False
    """Whether a full stop after a number makes it an ordinal: German `am 3.`."""
    spaced_quotes: bool = False
    """Whether a space belongs inside of guillemets: `« Oui »`."""
    opening_marks: bool = False
    """Whether questions and exclamations are opened too: `¿Vienes?`."""
    unspaced: bool = False
    """Whether words are written together, so that a space beside a mark, a number or a Latin word means nothing."""
    semicolon_asks: bool = False
    """Whether `;` is the question mark."""


EVERY_LANGUAGE = Rules()

APOSTROPHES = "’‘‛ʼ′´`"
DOUBLE_QUOTES = "“”„‟«»″"
HYPHENS = "‐‑−"
DASHES = "—―"
FULL_STOPS = "。｡।۔።។။"
"""Of Chinese and Japanese, Hindi, Urdu, Amharic, Khmer, Burmese."""
OTHER_MARKS = {"؟": "?", "،": ",", "؛": ";", "…": "..."}
INVISIBLE = (
    "\u00ad\u0640\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)  # fmt: skip
"""Soft hyphen, Arabic stretching, zero-width space, marks of direction, byte order mark. Joiners are not among them:
in Persian and in Indian scripts they show."""
COMPATIBLE = (
    ("\uff01", "\uff5e"),  # full-width Latin
    ("\uff61", "\uff9f"),  # half-width katakana
    ("\ufb00", "\ufb06"),  # Latin ligatures
    ("\ufb50", "\ufbff"), ("\ufe80", "\ufefc"),  # Arabic presentation forms
)  # fmt: skip
"""Ranges of characters that are others drawn in another way. Superscripts and fractions are not: 10² is not 102."""

_NAMES_EN = """polish march may august turkey china nice reading mark bill hope grace rose sue will frank us it who aids
job mobile bath cork jersey guinea chad jordan god cologne lent mass catholic scotch swede finn welsh pat rob art dean
miles penny pearl sandy faith joy jack ray chase grant mercury buffalo"""
_NAMES_FR = """pierre rose marine claire nice orange état église dieu blanche olive constant juste aimé aimée prudence
victoire clémence étoile aube fleur martin"""
_NAMES_ES = """rosa mercedes dolores consuelo pilar cruz ángel santos leones sol luz paz mar estado iglesia dios soledad
gracia milagros rocío salvador marina victoria león granada esperanza"""
_NAMES_IT = """lei la le loro suo sua suoi sue voi rosa stella chiara bianca fiore sole luna stato chiesa dio gioia
letizia grazia vittoria speranza leone marina"""
_NAMES_PT = """rosa flor sol estado igreja deus graça vitória glória esperança leão pilar cruz luz mar porto"""
_NAMES_NL = """u uw roos rosa engel staat god noord zuid oost west duin hoop"""
_NAMES_RU = """вы вас вам вами ваш ваша ваше ваши вера надежда любовь роза лев земля мир бог"""
_NAMES_TR = """deniz barış umut güneş yıldız gül ay yaz bahar toprak çiçek ada siz"""
_NAMES_PL = """pan pani państwo panie panowie róża lew polska bóg ziemia kościół wy ty"""
_NAMES_SV = """ni björn sten ros gud sol måne norr söder"""
_ELIDED_FR = "l d j m t s n c qu jusqu lorsqu puisqu quoiqu quelqu presqu entr aujourd"
_ELIDED_IT = "l d un c s v n m t gl dell nell sull all dall coll quest quell sant bell com dov cos ogn tutt"
_ELIDED_CA = "l d m t s n"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RULES: Mapping[str, Rules] = {
    "en": Rules(
        first_letter="fold", capitals=_words(_NAMES_EN) - {"i"}, upright=_words("i i'm i'll i've i'd"),
    ),
    "fr": Rules(
        first_letter="fold", capitals=_words(_NAMES_FR), spelled={"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae"},
        elided=_words(_ELIDED_FR), spaced_quotes=True,
    ),
    "es": Rules(first_letter="fold", capitals=_words(_NAMES_ES), opening_marks=True),
    "gl": Rules(opening_marks=True),
    "it": Rules(first_letter="fold", capitals=_words(_NAMES_IT), elided=_words(_ELIDED_IT)),
    "pt": Rules(first_letter="fold", capitals=_words(_NAMES_PT)),
    "ca": Rules(elided=_words(_ELIDED_CA)),
    "nl": Rules(first_letter="fold", capitals=_words(_NAMES_NL)),
    "sv": Rules(first_letter="fold", capitals=_words(_NAMES_SV)),
    "ru": Rules(first_letter="fold", capitals=_words(_NAMES_RU)),
    "pl": Rules(first_letter="fold", capitals=_words(_NAMES_PL), ordinal_dot=True),
    "tr": Rules(first_letter="fold_dotless", capitals=_words(_NAMES_TR), ordinal_dot=True),
    # A capital is a noun, or `Sie` and not `sie`.
    "de": Rules(ordinal_dot=True),
    "lb": Rules(ordinal_dot=True),
    # `De` and `I` are persons, `de` and `i` are not.
    "da": Rules(ordinal_dot=True),
    "no": Rules(ordinal_dot=True),
    "nn": Rules(ordinal_dot=True),
    "fi": Rules(ordinal_dot=True),
    "et": Rules(ordinal_dot=True),
    "lv": Rules(ordinal_dot=True),
    "is": Rules(ordinal_dot=True),
    "fo": Rules(ordinal_dot=True),
    "cs": Rules(ordinal_dot=True),
    "sk": Rules(ordinal_dot=True),
    "sl": Rules(ordinal_dot=True),
    "hr": Rules(ordinal_dot=True),
    "bs": Rules(ordinal_dot=True),
    "sr": Rules(ordinal_dot=True),
    "hu": Rules(ordinal_dot=True),
    "el": Rules(semicolon_asks=True),
    "zh": Rules(unspaced=True),
    "yue": Rules(unspaced=True),
    "ja": Rules(unspaced=True),
}  # fmt: skip


def rules_of(language: str) -> Rules:
    """Return a language's rules."""
    return RULES.get(language, EVERY_LANGUAGE)
