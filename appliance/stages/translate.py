"""Translating a batch: known sentences from memory, the others in one call per engine, then back for the score."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sacrebleu

from appliance.cache.kinds import Kind
from appliance.engines.protocols import TranslateRequest, Translation, Translator
from appliance.engines.selection import Route, choose_route
from appliance.engines.sentences import joiner, merge_segments
from appliance.errors import MeeshyError, NoSpeech
from appliance.jobs.items import ClaimedItem, hear_key, synthesize_key
from appliance.jobs.lookups import Lookup
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.router import Known, skipped
from appliance.stages.sentence_memory import KnownSentence, Wanted, learned, remember
from appliance.stages.shared_work import SharedWork
from appliance.stages.shares import shares_s
from appliance.stages.spans import Span, sentence_spans
from appliance.stages.work import Work, load_work


@dataclass
class _Task:
    """One target's sentences on their way through the stage."""

    work: Work
    route: Route
    pair: tuple[str, str]
    translator_key: str
    sentences: list[str]
    spans_s: list[Span]
    known: dict[str, KnownSentence] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    """The sentences that an engine translated now."""
    elsewhere: frozenset[str] = frozenset()
    """Sentences that another process translates at this moment."""
    back_chrf: float | None = None
    engine_s: float = 0.0
    """What this site's engines worked for it."""
    error: MeeshyError | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return what is to be translated here."""
        return tuple(
            dict.fromkeys(text for text in self.sentences if text not in self.known and text not in self.elsewhere)
        )

    @property
    def wanted(self) -> Wanted:
        """Return what may be kept of this target."""
        return self.of(self.sentences)

    def of(self, texts: Sequence[str]) -> Wanted:
        """Return some of its sentences as they may be kept."""
        return Wanted(self.work.job.owner, self.pair, self.translator_key, texts)

    def not_brought_back(self, by: str) -> tuple[str, ...]:
        """Return the sentences whose translation these engines have not brought back."""
        return tuple(text for text in dict.fromkeys(self.sentences) if self.known[text].back_by != by)

    def lookups(self) -> tuple[Lookup, ...]:
        """Return how many sentences were remembered, whoever remembered them; none for the same language."""
        if self.pair[0] == self.pair[1]:
            return ()
        return (Lookup(Kind.TRANSLATION, len(set(self.sentences)) - len(self.made), len(self.made)),)

    def to_keep(self) -> list[tuple[str, KnownSentence]]:
        """Return what an engine translated now, in the order of the message."""
        return [(text, self.known[text]) for text in dict.fromkeys(self.sentences) if text in self.made]


def translate(context: Context, items: Sequence[ClaimedItem]) -> None:
    """Run a batch of translate items; each outcome is written under its item's own fence."""
    with gathered(context) as outcomes:
        tasks = []
        for work in load_work(context, items):
            try:
                route = _route(context, work)
                if route.kind == "whisper" and not work.progress.english:
                    outcomes.add(_ask_whisper(work))
                else:
                    tasks.append(_task(context, work, route))
            except MeeshyError as error:
                outcomes.fail(work, error)
        outcomes.write()
        started_s = context.clock.monotonic_s()
        _recall(context, tasks)
        _translate_unknown(context, tasks)
        _bring_back(context, [task for task in tasks if task.error is None])
        elapsed_s = context.clock.monotonic_s() - started_s
        for task in tasks:
            if task.error is not None:
                outcomes.fail(task.work, task.error)
            else:
                outcomes.add(_outcome(context, task, elapsed_s))


def _route(context: Context, work: Work) -> Route:
    if work.job.source is None:
        raise NoSpeech("Nothing was heard that could be translated.")
    recording_kept = work.job.audio is not None and work.job.audio.pcm != ""
    return choose_route(
        work.job.source.language,
        work.of.language,
        pairs=context.engines.translator.pairs(),
        whisper_translates=context.engines.whisper_translates and recording_kept,
        site_allows_deepl=context.engines.deepl is not None,
        request_allows_deepl=work.job.request.allow_deepl,
    )


def _task(context: Context, work: Work, route: Route) -> _Task:
    if route.kind == "whisper":
        language, texts, spans_s = "en", list(work.progress.english), list(work.progress.sentence_spans_s)
    else:
        segments = work.job.source.transcription["segments"] if work.job.source else []
        language = route.source
        texts = [segment["text"] for segment in segments]
        spans_s = [(segment["start_s"], segment["end_s"]) for segment in segments]
    merged = merge_segments(texts, language)
    pair = (language, route.target)
    return _Task(
        work, route, pair, _translator_key(context, route, pair), [sentence.text for sentence in merged],
        sentence_spans(merged, spans_s),
    )  # fmt: skip


def _translator_key(context: Context, route: Route, pair: tuple[str, str]) -> str:
    if pair[0] == pair[1]:
        return "none"
    return _keys_of(_engine(context, route), pair)


def _keys_of(translator: Translator, pair: tuple[str, str]) -> str:
    return "+".join(identity.key for identity in translator.identity(*pair))


def _engine(context: Context, route: Route) -> Translator:
    if route.kind == "deepl" and context.engines.deepl is not None:
        return context.engines.deepl
    return context.engines.translator


def _recall(context: Context, tasks: Sequence[_Task]) -> None:
    to_remember = [task for task in tasks if task.pair[0] != task.pair[1]]
    remembered = remember(context, [task.wanted for task in to_remember])
    for task, known in zip(to_remember, remembered, strict=True):
        task.known = known
    for task in tasks:
        if task.pair[0] == task.pair[1]:
            made_by = (task.work.progress.english_by,) if task.route.kind == "whisper" else ()
            task.known = {
                text: KnownSentence(text=text, engines=made_by, quality="standard") for text in task.sentences
            }


def _translate_unknown(context: Context, tasks: Sequence[_Task]) -> None:
    """Translate what nobody has translated yet; what another process works on is waited for, a moment and no longer."""
    unknown = {task.work.item.id: task.of(task.unknown) for task in tasks}
    shared = SharedWork(context, list(unknown.values()))
    for task in tasks:
        task.elsewhere = shared.elsewhere(unknown[task.work.item.id])
    _run_engines(context, tasks)
    waiting = [task for task in tasks if task.elsewhere]
    found = shared.waited_for([task.of(sorted(task.elsewhere)) for task in waiting])
    for task, known in zip(waiting, found, strict=True):
        task.known |= known
        task.elsewhere = frozenset()
    _run_engines(context, [task for task in waiting if task.error is None])


def _run_engines(context: Context, tasks: Sequence[_Task]) -> None:
    for kind in ("argos", "whisper", "deepl"):
        waiting = [task for task in tasks if task.route.kind == kind and task.unknown]
        if not waiting:
            continue
        requests = [TranslateRequest(task.unknown, *task.pair) for task in waiting]
        results = _made_by(context, _engine(context, waiting[0].route), waiting, requests)
        for task, result in zip(waiting, results, strict=True):
            if isinstance(result, MeeshyError):
                task.error = result
            else:
                _take(task, result)


def _made_by(
    context: Context, translator: Translator, tasks: Sequence[_Task], requests: Sequence[TranslateRequest]
) -> list[Translation | MeeshyError]:
    """Return what a translator makes of each task's request; its time is shared by their lengths."""
    started_s = context.clock.monotonic_s()
    results = translator.translate(requests)
    elapsed_s = context.clock.monotonic_s() - started_s
    if translator is not context.engines.deepl:  # waiting for somebody else's machines is no work of these
        own_s = shares_s(elapsed_s, [sum(map(len, request.segments)) for request in requests])
        for task, share_s in zip(tasks, own_s, strict=True):
            task.engine_s += share_s
    return results


def _take(task: _Task, result: Translation) -> None:
    engines = tuple(identity.key for identity in result.engines)
    made = {
        text: KnownSentence(
            text=segment.text, score=segment.score, alternatives=segment.alternatives, engines=engines,
            quality=result.quality,
        )
        for text, segment in zip(task.unknown, result.segments, strict=True)
    }  # fmt: skip
    task.made |= made.keys()
    task.known |= made


def _bring_back(context: Context, tasks: Sequence[_Task]) -> None:
    """Translate the results back where a pack leads there, and keep chrF (0 to 100) against the sentences heard.

    What was brought back before by the same packs is kept with its sentence.
    """
    translator = context.engines.translator
    routes = translator.routes()
    ways = [(task, _keys_of(translator, task.pair[::-1])) for task in tasks if task.pair[::-1] in routes]
    asking = [(task, by, new) for task, by in ways if (new := task.not_brought_back(by))]
    requests = [
        TranslateRequest(tuple(task.known[text].text for text in new), *task.pair[::-1]) for task, _, new in asking
    ]
    results = _made_by(context, translator, [task for task, _, _ in asking], requests) if requests else []
    for (task, by, new), result in zip(asking, results, strict=True):
        if not isinstance(result, MeeshyError):
            for text, segment in zip(new, result.segments, strict=True):
                task.known[text] = msgspec.structs.replace(task.known[text], back=segment.text, back_by=by)
    for task, by in ways:
        if not task.not_brought_back(by):
            back = " ".join(task.known[text].back.strip() for text in task.sentences)
            task.back_chrf = round(sacrebleu.sentence_chrf(back, [" ".join(task.sentences)]).score, 2)


def _ask_whisper(work: Work) -> Outcome:
    duration_s = work.job.audio.duration_s if work.job.audio else 0.0
    following = work.next(Stage.TRANSCRIBE, hear_key(duration_s), {"task": "translate"})
    return Outcome(item=work.item, following=following)


def _outcome(context: Context, task: _Task, elapsed_s: float) -> Outcome:
    work = task.work
    found = [task.known[text] for text in task.sentences]
    space = joiner(task.route.target)
    memories = {sentence.memory for sentence in found}
    translation = {
        "text": space.join(sentence.text for sentence in found),
        "sentences": [
            {"source": text, **_told(sentence)} for text, sentence in zip(task.sentences, found, strict=True)
        ],
        "route": task.route.name,
        "quality": "starter" if any(sentence.quality == "starter" for sentence in found) else "standard",
        "engines": list(dict.fromkeys(key for sentence in found for key in sentence.engines)),
        "score": _mean([sentence.score for sentence in found if sentence.score is not None]),
    }
    known = Known(translation=bool(memories) and "" not in memories)
    progress = msgspec.structs.replace(
        work.progress,
        sentence_spans_s=tuple(task.spans_s),
        back_translation_chrf=task.back_chrf,
        **work.progress.timed("translate", elapsed_s, task.engine_s),
        cached_stages=tuple(dict.fromkeys((*work.progress.cached_stages, *skipped(known)))),
    )
    lasts_s = context.settings.translation_ttl_s
    return Outcome(
        item=work.item,
        target={"progress": progress, "translation": translation, "state": TargetState.SPEAKING},
        lookups=task.lookups(),
        answers=learned(work, task.pair, task.translator_key, task.to_keep(), lasts_s),
        following=work.next(Stage.SYNTHESIZE, synthesize_key(work.of.language)),
    )


def _told(sentence: KnownSentence) -> dict[str, Any]:
    """Return a sentence as the translation's document has it."""
    told = msgspec.structs.asdict(sentence)
    return {name: value for name, value in told.items() if name not in ("back", "back_by")}


def _mean(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 4) if scores else None
