"""The Argos translator: sentences of many requests through one CTranslate2 call per installed pack.

A request becomes pieces (its sentences); all pieces waiting for the same pack form one batch, whatever request they
come from, first the first hop of every route and then the second. Results go back by sentence text, so the order and
the company of a request do not change its translation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from appliance.engines.argos_guard import looks_broken
from appliance.engines.argos_loaded import LoadedPacks
from appliance.engines.argos_model import ArgosModel, Hypothesis, Search
from appliance.engines.argos_packs import ArgosPacks, Pack
from appliance.engines.protocols import EngineIdentity, TranslatedSegment, TranslateRequest, Translation
from appliance.engines.selection import Pair, Route, chain, choose_route, reachable
from appliance.engines.sentences import break_long, has_words, joiner, split_sentences
from appliance.engines.warm import WarmModels
from appliance.errors import EngineFailed, MeeshyError, ModelMissing, NoRoute

LONGEST_SENTENCE_TOKENS = 160
"""Longer ones are cut at a clause: small packs know 256 positions, and quality falls long before."""


@dataclass(slots=True)
class _Piece:
    """One sentence on its way; `score` adds up over hops, `tokens` weighs it within its segment."""

    text: str
    score: float | None = None
    tokens: int = 0
    alternatives: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(slots=True)
class _Job:
    """One request with its route, its segments as pieces, the packs that worked on it, or the error that ended it."""

    request: TranslateRequest
    route: Route | None = None
    segments: list[list[_Piece]] = field(default_factory=list)
    packs: list[Pack] = field(default_factory=list)
    error: MeeshyError | None = None

    def pieces(self) -> Iterable[_Piece]:
        return (piece for segment in self.segments for piece in segment if has_words(piece.text))


@dataclass(frozen=True, slots=True)
class _Rendering:
    """One sentence's translation by one pack."""

    hypotheses: tuple[Hypothesis, ...]
    unknown: tuple[str, ...]


class ArgosTranslator:
    """Implements Translator over the installed packs; a pack installed or removed counts from the next call on."""

    def __init__(
        self,
        packs: ArgosPacks,
        *,
        threads: int = 1,
        beam_size: int = 4,
        hypotheses: int = 4,
        length_penalty: float = 0.2,
        models: WarmModels | None = None,
        device: str = "cpu",
        compute_type: str = "default",
    ) -> None:
        """Keep the settings; nothing loads before the first use.

        `length_penalty` is the exponent of the length that scores are divided by; 0.2 is Argos Translate's own.
        `threads` batches run side by side, each on one thread. `models` is the memory that loaded packs
        share with other engines' models; None: one of their own, of 1 GiB.
        `compute_type` other than `default` or `auto` has made packs loop (argos-translate pull request 511).
        """
        self._packs = packs
        self._search = Search(beam_size=beam_size, hypotheses=hypotheses, length_penalty=length_penalty)
        self._compute_type = compute_type
        self._loaded = LoadedPacks(
            models or WarmModels(), threads=max(1, threads), device=device, compute_type=compute_type
        )

    def __enter__(self) -> Self:
        """Return the translator itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the translator."""
        self.close()

    def close(self) -> None:
        """Free the loaded models."""
        self._loaded.close()

    def routes(self) -> frozenset[Pair]:
        """Return every pair with a route now, pivots included, by the packs' tags and by primary language."""
        pairs = self._packs.pairs()
        sources = {source for source, _ in pairs} | {source.split("-")[0] for source, _ in pairs}
        return frozenset((source, target) for source in sources for target in reachable(source, pairs=pairs))

    def pairs(self) -> frozenset[Pair]:
        """Return the pairs that one pack translates directly: what `choose_route` and `reachable` ask for."""
        return self._packs.pairs()

    def quality(self, source: str, target: str) -> Literal["starter", "standard"]:
        """Return `starter` where any pack of the route is one of this project's own, or raise NoRoute."""
        return _grade(self._pack(pair) for pair in choose_route(source, target, pairs=self._packs.pairs()).hops)

    def identity(self, source: str, target: str) -> tuple[EngineIdentity, ...]:
        """Return one identity per hop, none for the same language, or raise NoRoute."""
        route = choose_route(source, target, pairs=self._packs.pairs())
        return tuple(self._identity(self._pack(pair)) for pair in route.hops)

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return one translation or error per request; the segments stay as they are, sentences are split inside them.

        Errors: NoRoute; EngineFailed where the output stays garbage after other searches or where no word of a
        sentence is in the model's vocabulary; ModelCorrupt where a pack's files have changed.
        """
        self._loaded.keep_only(self._packs.installed())
        pairs = self._packs.pairs()
        jobs = [self._plan(request, pairs) for request in batch]
        for hop in range(max((len(job.route.hops) for job in jobs if job.route), default=0)):
            waiting: dict[Pair, list[_Job]] = {}
            for job in jobs:
                if job.route and job.error is None and hop < len(job.route.hops):
                    waiting.setdefault(job.route.hops[hop], []).append(job)
            for pair, group in waiting.items():
                self._run_hop(pair, group)
        return [self._finish(job) for job in jobs]

    def _plan(self, request: TranslateRequest, pairs: frozenset[Pair]) -> _Job:
        job = _Job(request)
        try:
            job.route = choose_route(request.source, request.target, pairs=pairs)
        except NoRoute as error:
            job.error = error
        job.segments = [[_Piece(sentence) for sentence in split_sentences(segment)] for segment in request.segments]
        return job

    def _run_hop(self, pair: Pair, group: list[_Job]) -> None:
        try:
            pack = self._translate_hop(pair, group)
        except MeeshyError as error:
            for job in group:
                job.error = job.error or error
            return
        for job in group:
            job.packs.append(pack)

    def _translate_hop(self, pair: Pair, group: list[_Job]) -> Pack:
        """Replace the pieces' text by its translation, in one batch for the whole group, and return the pack used."""
        for attempt in (1, 2):
            pack = self._pack(pair)
            try:
                with self._loaded.use(pack) as model:
                    self._cut_long_pieces(model, group)
                    wanted = list({piece.text: None for job in group for piece in job.pieces()})
                    renderings = dict(zip(wanted, self._render(model, pack, wanted), strict=True))
                break
            except ModelMissing:
                # Replaced by another process since the list was read: the second look finds its successor.
                if attempt == 2:
                    raise
        for job in group:
            for piece in list(job.pieces()):
                rendering = renderings[piece.text]
                if isinstance(rendering, MeeshyError):
                    job.error = rendering
                    break
                _advance(piece, rendering)
        return pack

    def _cut_long_pieces(self, model: ArgosModel, group: list[_Job]) -> None:
        def fits(text: str) -> bool:
            # No token is shorter than a letter, but for the mark before the first word. Beyond ASCII, the tokenizer may
            # make several letters of one ("½").
            short = text.isascii() and len(text) < LONGEST_SENTENCE_TOKENS
            return short or len(model.tokens(text)) <= LONGEST_SENTENCE_TOKENS

        for job in group:
            job.segments = [
                [part for piece in segment for part in _cut(piece, break_long(piece.text, fits))]
                for segment in job.segments
            ]

    def _render(self, model: ArgosModel, pack: Pack, sentences: list[str]) -> list[_Rendering | MeeshyError]:
        """Return each sentence's translations, searched again in other ways where the first came out broken."""
        tokens = [model.tokens(sentence) for sentence in sentences]
        unknown = [model.unknown(row) for row in tokens]
        found: list[_Rendering | MeeshyError] = [
            EngineFailed(f"The language pack {pack.name} knows none of the words of a sentence.") for _ in sentences
        ]
        todo = [place for place, row in enumerate(tokens) if model.knows_a_word(row)]
        for how in (self._search, *_other_searches(self._search)):
            if not todo:
                break
            again: list[int] = []
            for place, hypotheses in zip(todo, model.search([tokens[place] for place in todo], how), strict=True):
                sound = tuple(h for h in hypotheses if looks_broken(tokens[place], h.tokens) is None and h.text)
                # Broken first means garbage, even if a lower-ranked hypothesis happens to be short enough.
                if sound and sound[0] is hypotheses[0]:
                    found[place] = _Rendering(sound, unknown[place])
                else:
                    wrong = looks_broken(tokens[place], hypotheses[0].tokens) or "empty"
                    found[place] = EngineFailed(f"The language pack {pack.name} gave no usable text for it: {wrong}.")
                    again.append(place)
            todo = again
        return found

    def _finish(self, job: _Job) -> Translation | MeeshyError:
        if job.error is not None:
            return job.error
        assert job.route is not None
        if job.route.kind == "none":
            same = tuple(TranslatedSegment(segment, None) for segment in job.request.segments)
            return Translation(same, (), "none")
        return Translation(
            segments=tuple(_assemble(segment, joiner(job.request.target)) for segment in job.segments),
            engines=tuple(self._identity(pack) for pack in job.packs),
            route=f"argos:{chain(job.route.hops)}",
            quality=_grade(job.packs),
        )

    def _pack(self, pair: Pair) -> Pack:
        pack = self._packs.find(*pair)
        if pack is None:
            raise ModelMissing(f"The language pack {pair[0]}>{pair[1]} is no longer installed.")
        return pack

    def _identity(self, pack: Pack) -> EngineIdentity:
        how = self._search
        settings = f"beam={how.beam_size},length={how.length_penalty},best={how.hypotheses},type={self._compute_type}"
        return EngineIdentity("argos", pack.name, pack.sha256, settings)


def _grade(packs: Iterable[Pack]) -> Literal["starter", "standard"]:
    return "starter" if any(pack.quality == "starter" for pack in packs) else "standard"


def _other_searches(first: Search) -> tuple[Search, ...]:
    """Return the searches to try on broken output: wider without repeated phrases, then greedy without them."""
    return (
        Search(first.beam_size * 2, first.hypotheses, first.length_penalty, no_repeat_tokens=4),
        Search(1, 1, first.length_penalty, no_repeat_tokens=3),
    )


def _cut(piece: _Piece, texts: list[str]) -> list[_Piece]:
    if len(texts) <= 1:
        return [piece]
    # A score from an earlier hop holds for each part; alternatives of the whole do not.
    return [_Piece(text, piece.score, piece.tokens, (), piece.unknown) for text in texts]


def _advance(piece: _Piece, rendering: _Rendering) -> None:
    best = rendering.hypotheses[0]
    piece.text = best.text
    piece.score = best.score + (piece.score or 0.0)
    piece.tokens = len(best.tokens)
    piece.alternatives = tuple(h.text for h in rendering.hypotheses[1:])
    piece.unknown += rendering.unknown


def _assemble(pieces: list[_Piece], space: str) -> TranslatedSegment:
    """Join a segment's pieces: score weighed by tokens, the n-th alternative made of each piece's n-th best."""
    scored = [piece for piece in pieces if piece.score is not None]
    weight = sum(piece.tokens for piece in scored)
    score = sum((piece.score or 0.0) * piece.tokens for piece in scored) / weight if weight else None
    depth = max((len(piece.alternatives) for piece in pieces), default=0)
    best = space.join(piece.text for piece in pieces)
    others = [
        space.join(p.alternatives[n] if n < len(p.alternatives) else p.text for p in pieces) for n in range(depth)
    ]
    return TranslatedSegment(
        text=best,
        score=score,
        alternatives=tuple(dict.fromkeys(other for other in others if other != best)),
        unknown=tuple(dict.fromkeys(word for piece in pieces for word in piece.unknown)),
    )
