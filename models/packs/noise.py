"""How spoken text differs from written text: changes to a sentence pair that make a small model sturdier.

Whisper's punctuation, capitals, contractions and numerals differ from the corpus'. Everything here takes its
randomness as an argument, so that a seed repeats a run.
"""

import random
import re

Pair = tuple[str, str]
"""A source text and its translation."""

# "one" is left out: it is an article in French and Spanish.
_NUMBER_WORDS = {
    "en": "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty",
    "fr": "deux trois quatre cinq six sept huit neuf dix onze douze quinze vingt trente quarante cinquante",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce quince veinte treinta cuarenta cincuenta",
}
NUMBER_WORDS = {language: words.split() for language, words in _NUMBER_WORDS.items()}
NUMBER_VALUES = [*range(2, 13), 15, 20, 30, 40, 50]

CONTRACTIONS = {
    "I'm": "I am",
    "I'll": "I will",
    "I've": "I have",
    "it's": "it is",
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "can't": "cannot",
    "won't": "will not",
    "isn't": "is not",
    "haven't": "have not",
    "you're": "you are",
    "we're": "we are",
    "we'll": "we will",
    "they're": "they are",
    "that's": "that is",
    "what's": "what is",
    "there's": "there is",
    "couldn't": "could not",
    "wasn't": "was not",
}
EXPANSIONS = {full: short for short, full in CONTRACTIONS.items()}

_NAMES = (
    "Alice Amina Ana Antoine Ben Camille Carlos Chloé Clara Daniel David Diego Elena Emma Eric Eva Fatou Felix "
    "Gabriel Grace Hugo Ibrahim Inès Jack Jean Jorge José Juan Julia Karim Laura Léa Leo Lucas Lucía Manon Marco Mario "
    "Mark Marta Martin Max Mia Mohamed Nadia Nina Noah Olga Oliver Omar Pablo Pierre Rachel Rosa Sam Sara Sofia Steve "
    "Thomas Tom Valérie Victor Yasmin Zoé"
)
FIRST_NAMES = tuple(_NAMES.split())
_SYLLABLES = "ba be bo da de di do fa ga ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se ta to va vi"
_WORD = re.compile(r"[^\W\d_]+")


def number_words(text: str, language: str) -> list[int]:
    """Return the values of the number words in `text`, in order; of the list above only."""
    values = dict(zip(NUMBER_WORDS[language], NUMBER_VALUES, strict=True))
    return [values[word] for word in _WORD.findall(text.lower()) if word in values]


def with_numerals(pair: Pair, source: str, target: str, rng: random.Random) -> Pair:
    """Write the pair's only number in digits on both sides, half of the time as another number.

    A pair with no number word, with several, or with different ones on its two sides comes back as it was.
    """
    values = number_words(pair[0], source)
    if len(values) != 1 or number_words(pair[1], target) != values:
        return pair
    digits = str(values[0] if rng.random() < 0.5 else rng.randint(2, 99))
    index = NUMBER_VALUES.index(values[0])
    return (
        _replace_word(pair[0], NUMBER_WORDS[source][index], digits),
        _replace_word(pair[1], NUMBER_WORDS[target][index], digits),
    )


def with_other_name(pair: Pair, names: frozenset[str], rng: random.Random) -> Pair:
    """Put another first name, or a made-up one, for the one that both sides share: teaches the model to copy."""
    shared = sorted(set(_WORD.findall(pair[0])) & set(_WORD.findall(pair[1])) & names)
    if not shared:
        return pair
    new = rng.choice(FIRST_NAMES) if rng.random() < 0.7 else "".join(rng.choices(_SYLLABLES.split(), k=2)).capitalize()
    return _replace_word(pair[0], shared[0], new), _replace_word(pair[1], shared[0], new)


def shared_names(pairs: list[Pair]) -> frozenset[str]:
    """Return the capitalised words that stand inside some sentence of the source, alike on both sides: names."""
    found: set[str] = set()
    for source, target in pairs:
        inside = [word for word in _WORD.findall(source)[1:] if word[0].isupper() and len(word) > 2]
        found.update(set(inside) & set(_WORD.findall(target)))
    return frozenset(found)


def as_heard(text: str, language: str, rng: random.Random) -> str:
    """Return `text` as a speech recogniser may write it: other contractions, punctuation and capitals."""
    if language == "en" and rng.random() < 0.3:
        text = _swap_contractions(text, rng)
    if rng.random() < 0.15:
        text = re.sub(r"\s*[:;]", ",", text)
    if rng.random() < 0.15:
        text = re.sub(r"\s*[,;:]", "", text)
    if rng.random() < 0.15:
        text = re.sub(r"[¿¡]", "", text)
        text = re.sub(r"\s*[.!?]+$", "", text)
    if rng.random() < 0.1:
        text = re.sub(r"\s*!", ".", text)
    if rng.random() < 0.1:
        text = text.lower() if rng.random() < 0.5 else text[:1].lower() + text[1:]
    return text


def _swap_contractions(text: str, rng: random.Random) -> str:
    table = CONTRACTIONS if rng.random() < 0.5 else EXPANSIONS
    for found, put in table.items():
        text = _replace_word(text, found, put)
        text = _replace_word(text, found[:1].upper() + found[1:], put[:1].upper() + put[1:])
    return text


def _replace_word(text: str, word: str, put: str) -> str:
    def as_capitalised(match: re.Match[str]) -> str:
        return put[:1].upper() + put[1:] if match[0][:1].isupper() else put

    flags = re.IGNORECASE if word.islower() else 0
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", as_capitalised, text, flags=flags)
