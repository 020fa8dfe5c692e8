"""Translating a batch: known sentences from memory, the others in one call per engine, then back for the score."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import sacrebleu

from appliance.engines.protocols import TranslateRequest, Translation, Translator
from appliance.engines.selection import Route, choose_route
from appliance.engines.sentences import joiner, merge_segments
from appliance.errors import MeeshyError, NoSpeech
from appliance.jobs.items import ClaimedItem, hear_key, synthesize_key
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.stages.context import Context
from appliance.stages.gathering import gathered
from appliance.stages.sentence_memory import KnownSentence, Wanted, learned, remember
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
    made: list[tuple[str, KnownSentence]] = field(default_factory=list)
    """What an engine translated now."""
    back_chrf: float | None = None
    error: MeeshyError | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in self.sentences if text not in self.known))


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
        _run_engines(context, tasks)
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
    return "+".join(identity.key for identity in _engine(context, route).identity(*pair))


def _engine(context: Context, route: Route) -> Translator:
    if route.kind == "deepl" and context.engines.deepl is not None:
        return context.engines.deepl
    return context.engines.translator


def _recall(context: Context, tasks: Sequence[_Task]) -> None:
    to_remember = [task for task in tasks if task.pair[0] != task.pair[1]]
    with context.database.read() as connection:
        wanted = [Wanted(task.work.job.owner, task.pair, task.translator_key, task.sentences) for task in to_remember]
        remembered = remember(connection, wanted, context.database.now_s(connection))
    for task, known in zip(to_remember, remembered, strict=True):
        task.known = known
    for task in tasks:
        if task.pair[0] == task.pair[1]:
            made_by = (task.work.progress.english_by,) if task.route.kind == "whisper" else ()
            task.known = {
                text: KnownSentence(text=text, engines=made_by, quality="standard") for text in task.sentences
            }


def _run_engines(context: Context, tasks: Sequence[_Task]) -> None:
    for kind in ("argos", "whisper", "deepl"):
        waiting = [task for task in tasks if task.route.kind == kind and task.unknown]
        if not waiting:
            continue
        requests = [TranslateRequest(task.unknown, *task.pair) for task in waiting]
        results = _engine(context, waiting[0].route).translate(requests)
        for task, result in zip(waiting, results, strict=True):
            if isinstance(result, MeeshyError):
                task.error = result
            else:
                _take(task, result)


def _take(task: _Task, result: Translation) -> None:
    engines = tuple(identity.key for identity in result.engines)
    task.made = [
        (text, KnownSentence(
            text=segment.text, score=segment.score, alternatives=segment.alternatives, engines=engines,
            quality=result.quality,
        ))
        for text, segment in zip(task.unknown, result.segments, strict=True)
    ]  # fmt: skip
    task.known.update(task.made)


def _bring_back(context: Context, tasks: Sequence[_Task]) -> None:
    """Translate the results back where a pack leads there, and keep chrF (0 to 100) against the sentences heard."""
    routes = context.engines.translator.routes()
    ways = [task for task in tasks if (task.pair[1], task.pair[0]) in routes]
    requests = [
        TranslateRequest(tuple(task.known[text].text for text in task.sentences), task.pair[1], task.pair[0])
        for task in ways
    ]
    if not requests:
        return
    for task, result in zip(ways, context.engines.translator.translate(requests), strict=True):
        if not isinstance(result, MeeshyError):
            back = sacrebleu.sentence_chrf(result.text, [" ".join(task.sentences)])
            task.back_chrf = round(back.score, 2)


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
            {"source": text, **msgspec.structs.asdict(sentence)}
            for text, sentence in zip(task.sentences, found, strict=True)
        ],
        "route": task.route.name,
        "quality": "starter" if any(sentence.quality == "starter" for sentence in found) else "standard",
        "engines": list(dict.fromkeys(key for sentence in found for key in sentence.engines)),
        "score": _mean([sentence.score for sentence in found if sentence.score is not None]),
    }
    cached = ("translate",) if memories and "" not in memories else ()
    progress = msgspec.structs.replace(
        work.progress,
        sentence_spans_s=tuple(task.spans_s),
        back_translation_chrf=task.back_chrf,
        stage_ms=work.progress.timed("translate", elapsed_s),
        cached_stages=tuple(dict.fromkeys((*work.progress.cached_stages, *cached))),
    )
    lasts_s = context.settings.result_ttl_s
    return Outcome(
        item=work.item,
        target={"progress": progress, "translation": translation, "state": TargetState.SPEAKING},
        answers=learned(work, task.pair, task.translator_key, task.made, lasts_s),
        following=work.next(Stage.SYNTHESIZE, synthesize_key(work.of.language)),
    )


def _mean(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 4) if scores else None
