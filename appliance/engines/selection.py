"""Choosing how to get from one language to another: a pure function of what is installed and allowed.

The order: nothing to do, an Argos pack, two Argos packs through English, Whisper's own translate task (which only leads
to English; from there an Argos pack may go on), and last DeepL, which is the only one that text leaves the site for.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from appliance.engines.deepl_languages import LANGUAGES as DEEPL_LANGUAGES
from appliance.errors import NoRoute
from appliance.languages import NAMES

PIVOT = "en"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """How a text gets to its target: by which engine first, and which text-to-text hops through Argos or DeepL."""

    kind: Literal["none", "argos", "whisper", "deepl"]
    source: str
    target: str
    hops: tuple[Pair, ...] = ()
    """The pairs that a Translator runs, in order, in the packs' own tags; for `whisper`, what follows it."""

    @property
    def name(self) -> str:
        """Return what the receipt shows: `argos:fr>en>es`, `whisper:fr>en`, `whisper:de>en+argos:en>fr`, `none`."""
        if self.kind == "none":
            return "none"
        if self.kind != "whisper":
            return f"{self.kind}:{chain(self.hops)}"
        heard = f"whisper:{self.source}>{PIVOT}"
        return f"{heard}+argos:{chain(self.hops)}" if self.hops else heard


def chain(hops: Collection[Pair]) -> str:
    """Return hops as `fr>en>es`."""
    return ">".join([next(iter(hops))[0], *(target for _, target in hops)])


def choose_route(
    source: str,
    target: str,
    *,
    pairs: Collection[Pair],
    whisper_translates: bool = False,
    site_allows_deepl: bool = False,
    request_allows_deepl: bool = False,
) -> Route:
    """Return the best route between two BCP-47 tags, or raise NoRoute with the targets that this source does have.

    `pairs` are the installed packs' own pairs, without pivots. `whisper_translates` says that the text comes from a
    recording and that the loaded Whisper can translate. A tag without a region takes a regional pack (`pt` takes
    `pt-BR`) and the other way round, if there is no exact one.
    """
    allowed = site_allows_deepl and request_allows_deepl
    route = _find(source, target, _Pairs(pairs), whisper_translates=whisper_translates, deepl=allowed)
    if route is not None:
        return route
    targets = reachable(
        source,
        pairs=pairs,
        whisper_translates=whisper_translates,
        site_allows_deepl=site_allows_deepl,
        request_allows_deepl=request_allows_deepl,
    )
    known = f"From {source} this appliance can reach: {', '.join(targets)}." if targets else "It has no targets at all."
    raise NoRoute(f"There is no way from {source} to {target}. {known}", targets=list(targets), source=source)


def reachable(
    source: str,
    *,
    pairs: Collection[Pair],
    whisper_translates: bool = False,
    site_allows_deepl: bool = False,
    request_allows_deepl: bool = False,
) -> dict[str, Route]:
    """Return every target other than the source itself that can be reached from it, with the route, ordered by tag."""
    known = _Pairs(pairs)
    deepl = site_allows_deepl and request_allows_deepl
    targets = {PIVOT} | {target for _, target in pairs} | {_primary(target) for _, target in pairs}
    if deepl:
        targets |= DEEPL_LANGUAGES
    routes: dict[str, Route] = {}
    for target in sorted(targets):
        route = _find(source, target, known, whisper_translates=whisper_translates, deepl=deepl)
        if route is not None and route.kind != "none":
            routes[target] = route
    return routes


class _Pairs:
    """Installed pairs, found by exact tags first and by primary language otherwise."""

    def __init__(self, pairs: Collection[Pair]) -> None:
        self._exact = frozenset(pairs)
        self._loose: dict[Pair, Pair] = {}
        for pair in sorted(pairs):
            self._loose.setdefault((_primary(pair[0]), _primary(pair[1])), pair)

    def find(self, source: str, target: str) -> Pair | None:
        if (source, target) in self._exact:
            return (source, target)
        return self._loose.get((_primary(source), _primary(target)))


def _find(source: str, target: str, pairs: _Pairs, *, whisper_translates: bool, deepl: bool) -> Route | None:
    if source == target or (_primary(source) == _primary(target) and pairs.find(source, target) is None):
        return Route("none", source, target)
    direct = pairs.find(source, target)
    if direct:
        return Route("argos", source, target, (direct,))
    to_pivot, from_pivot = pairs.find(source, PIVOT), pairs.find(PIVOT, target)
    if to_pivot and from_pivot:
        return Route("argos", source, target, (to_pivot, from_pivot))
    # Whisper's task hears any of its languages but gives only English (openai/whisper, README, "translate").
    if whisper_translates and _primary(source) in NAMES and _primary(source) != PIVOT:
        if _primary(target) == PIVOT:
            return Route("whisper", source, target)
        if from_pivot:
            return Route("whisper", source, target, (from_pivot,))
    if deepl and {_primary(source), _primary(target)} <= DEEPL_LANGUAGES:
        return Route("deepl", source, target, ((source, target),))
    return None


def _primary(tag: str) -> str:
    return tag.split("-")[0].lower()
