"""What a worker publishes about itself: languages, routes, and the digests that cached results are keyed by."""

from appliance.cache.keys import digest
from appliance.engines.selection import PIVOT, choose_route, reachable
from appliance.errors import NoRoute
from appliance.jobs.documents import Capabilities
from appliance.languages import NAMES
from appliance.settings import Settings
from appliance.stages.context import Engines

PIPELINE_VERSION = "1"
"""Raise it when the stages make something else of the same input: results cached before then no longer answer."""


def capabilities_of(engines: Engines, settings: Settings) -> Capabilities:
    """Return what these engines can do; a new pack or model changes the digests of the languages that it leads to."""
    speaks = engines.synthesizer.languages()
    pairs = engines.translator.pairs()
    sources = engines.hears & (NAMES.keys() if engines.whisper_translates else {source for source, _ in pairs})
    routes = sorted(
        (source, target, _quality(engines, source, target))
        for source in sources
        for target, route in reachable(source, pairs=pairs, whisper_translates=engines.whisper_translates).items()
        if target in speaks
    )
    return Capabilities(
        transcriber=engines.transcriber.identity().key,
        synthesizer=engines.synthesizer.identity().key,
        voice_kind=engines.voice_kind,
        speaks=tuple(sorted(speaks)),
        routes=tuple(routes),
        pipelines={target: _pipeline(engines, settings, target) for target in speaks},
        deepl=engines.deepl is not None,
    )


def _quality(engines: Engines, source: str, target: str) -> str:
    """Return `starter` where any pack of the route is one of ours; Whisper's part of a route counts as standard."""
    pairs = engines.translator.pairs()
    route = choose_route(source, target, pairs=pairs, whisper_translates=engines.whisper_translates)
    if route.kind == "whisper":
        hops = [(PIVOT, target)] if target != PIVOT else []
    else:
        hops = [(source, target)]
    return "starter" if any(engines.translator.quality(*hop) == "starter" for hop in hops) else "standard"


def _pipeline(engines: Engines, settings: Settings, target: str) -> str:
    translators = []
    for source in sorted({source for source, to in engines.translator.routes() if to == target}):
        try:
            translators.append([identity.key for identity in engines.translator.identity(source, target)])
        except NoRoute:
            continue
    return digest(
        PIPELINE_VERSION,
        engines.transcriber.identity().key,
        engines.synthesizer.identity().key,
        engines.encoder.identity().key,
        translators,
        [settings.max_wer, settings.min_similarity, settings.speak_attempts],
    )
