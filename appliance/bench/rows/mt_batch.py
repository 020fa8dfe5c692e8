"""Sentences of many requests in one translation call, against a call for each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from appliance.bench.lab import Lab
from appliance.bench.notes import CORPUS
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.bench.sentence_by_sentence import BEAM, SentenceBySentence
from appliance.engines.argos import ArgosTranslator
from appliance.engines.argos_model import LEAST_BATCH_TOKENS, MOST_BATCH_TOKENS
from appliance.engines.argos_packs import ArgosPacks
from appliance.engines.protocols import TranslateRequest, Translation
from appliance.engines.sentences import split_sentences
from appliance.errors import CommandFailed, MeeshyError, ModelMissing
from appliance.workers.assembly import install_packs
from models.packs.phrases import RECORDINGS_ORIGIN, load_base

SOURCE, TARGET = "en", "fr"
REQUESTS = 32
REPEATS = 5
"""Times a run goes over the same requests: a tenth of a second alone would measure the scheduler."""
COMPARED = 320
"""Sentences whose output is compared, in batches of 32: 99 % of the timed 32 alone would allow no difference."""
LEAST_EQUAL = 0.99
BARE_ROUNDS = 15
WORDS = range(5, 15)
"""Everyday sentences: a voice message's have about ten words."""


def one_core(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure one batch of 32 requests on one worker thread against 32 calls on one."""
    return _measured(lab, name, demand, threads=1)


def two_cores(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure one batch of 32 requests on two worker threads against two clients that share a two-worker model."""
    return _measured(lab, name, demand, threads=2)


def _measured(lab: Lab, name: str, demand: Demand, *, threads: int) -> Row:
    packs = install_packs(lab.settings, lab.store)
    pack = _pack_folder(packs)
    texts = _sentences(128 if lab.quick else COMPARED)
    timed = texts[:REQUESTS]
    single = SentenceBySentence(pack, workers=threads)
    with ArgosTranslator(packs, threads=threads) as ours, ThreadPoolExecutor(threads) as clients:

        def together(sentences: list[str]) -> list[str]:
            return [
                _text(result) for result in ours.translate([TranslateRequest((s,), SOURCE, TARGET) for s in sentences])
            ]

        def apart(sentences: list[str]) -> list[str]:
            if threads == 1:
                return [single.translate(sentence) for sentence in sentences]
            return list(clients.map(single.translate, sentences))

        timings = lab.timed(
            name,
            lab.stopwatch(lambda: [together(timed) for _ in range(REPEATS)]),
            lab.stopwatch(lambda: [apart(timed) for _ in range(REPEATS)]),
        )
        check = _check(texts, together, apart)
        bare = _bare_ratio(lab, single, timed, clients.map if threads > 1 else map)
    return judged(
        name,
        demand,
        timings,
        check,
        Sides(
            a=f"{REQUESTS} requests of one sentence in one call, with n-best, scores, garbage check; {REPEATS} times",
            b=f"one CTranslate2 call per sentence, argos style, {threads} client thread{'s' * (threads > 1)}",
            threads=f"both: {threads} CTranslate2 worker{'s' * (threads > 1)} of one thread, beam {BEAM}",
        ),
        {"bare_ratio": bare,
         "a_ms_per_sentence": 1000 * min(s.elapsed_s for s in timings.a) / (REPEATS * REQUESTS),
         "b_ms_per_sentence": 1000 * min(s.elapsed_s for s in timings.b) / (REPEATS * REQUESTS)},
    )  # fmt: skip


def _bare_ratio(lab: Lab, single: SentenceBySentence, sentences: list[str], spread: Callable[..., Any]) -> float:
    """Return what batching gains in CTranslate2 alone, without a line of ours around it: the most a row can show."""
    tokens = [single.tokens(sentence) for sentence in sentences]
    share = max(LEAST_BATCH_TOKENS, min(MOST_BATCH_TOKENS["cpu"], sum(map(len, tokens)) // single.workers + 1))
    turns = (
        lab.stopwatch(lambda: single.search(tokens, share)),
        lab.stopwatch(lambda: list(spread(lambda row: single.search([row]), tokens))),
    )
    samples = [[turn().elapsed_s for turn in turns] for _ in range(BARE_ROUNDS)]
    batch_s, apart_s = (median(side) for side in zip(*samples, strict=True))
    return apart_s / batch_s


def _check(
    texts: list[str], together: Callable[[list[str]], list[str]], apart: Callable[[list[str]], list[str]]
) -> Check:
    groups = [texts[start : start + REQUESTS] for start in range(0, len(texts), REQUESTS)]
    pairs = [pair for group in groups for pair in zip(together(group), apart(group), strict=True)]
    equal = sum(a == b for a, b in pairs)
    return Check(passed=equal >= LEAST_EQUAL * len(pairs), detail=f"{equal} of {len(pairs)} translations are identical")


def _text(result: Translation | MeeshyError) -> str:
    # A refused sentence is an output that differs, not the end of the run: the other side gives some text for it.
    return result.text if isinstance(result, Translation) else f"<{result.code}>"


def _pack_folder(packs: ArgosPacks) -> Path:
    pack = packs.find(SOURCE, TARGET)
    if pack is None:
        raise ModelMissing(f"There is no language pack for {SOURCE} to {TARGET}.")
    return pack.folder


def _sentences(count: int) -> list[str]:
    """Return different single sentences of the phrase corpus, spread over its themes."""
    candidates = [
        phrase.text(SOURCE)
        for phrase in load_base(CORPUS)
        if phrase.origin != RECORDINGS_ORIGIN
        and len(phrase.text(SOURCE).split()) in WORDS
        and len(split_sentences(phrase.text(SOURCE))) == 1
    ]
    unique = list(dict.fromkeys(candidates))
    if len(unique) < count:
        raise CommandFailed(f"The phrase corpus has {len(unique)} usable sentences, {count} are needed.")
    return list(islice(unique[:: len(unique) // count], count))
