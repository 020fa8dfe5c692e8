"""Phrase pairs found inside the corpus' sentences: "my mother" ↔ "ma mère", from word alignment alone.

IBM model 1 with a preference for the diagonal (Dyer et al. 2013) in both directions, then the phrase pairs that are
consistent with the links both agree on (Koehn et al. 2003). A model that also learns these parts puts them together
better in sentences that it has not seen.
"""

import math
import re
from collections import Counter, defaultdict

Pair = tuple[str, str]
Links = set[tuple[int, int]]

ITERATIONS = 6
DIAGONAL = 4.0
MAX_WORDS = 7
NULL = "\0"
_TOKEN = re.compile(r"\w+(?:[’'](?=\w))?|[^\w\s]")


def find_fragments(pairs: list[Pair], least: int = 2) -> dict[Pair, int]:
    """Return phrase pairs seen at least `least` times in `pairs`, with their counts, the best one per source phrase.

    Whole sentences are left out; phrases that begin or end with punctuation too.
    """
    tokenised = [(tokenise(source), tokenise(target)) for source, target in pairs]
    forward = _train(tokenised)
    backward = _train([(target, source) for source, target in tokenised])
    counts: Counter[Pair] = Counter()
    for source, target in tokenised:
        links = _best_links(source, target, forward)
        agreed = links & {(i, j) for j, i in _best_links(target, source, backward)}
        counts.update(_consistent(source, target, agreed))
    best: dict[str, Pair] = {}
    for pair, count in counts.items():
        if pair[0] not in best or count > counts[best[pair[0]]]:
            best[pair[0]] = pair
    return {pair: counts[pair] for pair in best.values() if counts[pair] >= least}


def tokenise(text: str) -> list[str]:
    """Split into words (an elided article such as `l'` is one) and punctuation, the first word in small letters."""
    tokens = _TOKEN.findall(text)
    return [tokens[0].lower() if tokens[0] != "I" else "I", *tokens[1:]] if tokens else []


def join(tokens: list[str]) -> str:
    """Undo `tokenise` for a run of words without outer punctuation."""
    text = ""
    for word in tokens:
        glued = not text or text[-1] in "'’¿¡-" or word in ",.-'’"
        text += word if glued else " " + word
    return text


def _train(pairs: list[tuple[list[str], list[str]]]) -> dict[str, dict[str, float]]:
    """Estimate p(target word | source word) by expectation maximisation."""
    table: dict[str, dict[str, float]] = {}
    for _ in range(ITERATIONS):
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for source, target in pairs:
            for j, word in enumerate(target):
                weights = _weights(source, len(target), j, word, table)
                total = sum(weights)
                for given, weight in zip([NULL, *source], weights, strict=True):
                    counts[given][word] += weight / total
        table = {given: _normalised(words) for given, words in counts.items()}
    return table


def _normalised(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values()) + 0.05 * len(counts)
    return {word: count / total for word, count in counts.items() if count > 1e-4}


def _weights(
    source: list[str], target_length: int, j: int, word: str, table: dict[str, dict[str, float]]
) -> list[float]:
    """Return the unnormalised probability of each source position (first: none at all) for target word `j`."""
    place = j / target_length
    found = [0.08 * _probability(table, NULL, word)]
    for i, given in enumerate(source):
        nearness = math.exp(-DIAGONAL * abs(i / len(source) - place))
        found.append(nearness * _probability(table, given, word))
    return found


def _probability(table: dict[str, dict[str, float]], given: str, word: str) -> float:
    return table.get(given, {}).get(word, 1e-6) if table else 1.0


def _best_links(source: list[str], target: list[str], table: dict[str, dict[str, float]]) -> Links:
    links: Links = set()
    for j, word in enumerate(target):
        weights = _weights(source, len(target), j, word, table)
        best = max(range(len(weights)), key=weights.__getitem__)
        if best:
            links.add((best - 1, j))
    return links


def _consistent(source: list[str], target: list[str], links: Links) -> list[Pair]:
    """Return the phrase pairs whose words are linked only with each other, both edges linked."""
    found = []
    linked_sources = {i for i, _ in links}
    linked_targets = {j for _, j in links}
    for start in range(len(source)):
        for end in range(start, min(len(source), start + MAX_WORDS)):
            inside = [j for i, j in links if start <= i <= end]
            if not inside or start not in linked_sources or end not in linked_sources:
                continue
            low, high = min(inside), max(inside)
            if high - low >= MAX_WORDS or any(low <= j <= high and not start <= i <= end for i, j in links):
                continue
            # An unlinked word between the phrase and its neighbour may belong to either: such edges are left out.
            if (low and low - 1 not in linked_targets) or (high + 1 < len(target) and high + 1 not in linked_targets):
                continue
            words, translated = source[start : end + 1], target[low : high + 1]
            if len(words) == len(source) or not all(_is_word(edge) for edge in _edges(words, translated)):
                continue
            found.append((join(words), join(translated)))
    return found


def _edges(words: list[str], translated: list[str]) -> tuple[str, ...]:
    return words[0], words[-1], translated[0], translated[-1]


def _is_word(token: str) -> bool:
    return token[0].isalnum()
