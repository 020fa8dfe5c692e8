"""XTTS-v2 (coqui-tts): speaks in the voice of a speaker's own recordings; the model runs in a process of its own.

A voice is what the model computed from the recordings: it goes out with `match_voice`, comes back with every request
and is kept nowhere here, so the next sentence needs no recording and no speaker can leak into another's audio.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from appliance.engines.protocols import EngineIdentity, Samples, SpeakRequest, Speech, Voice
from appliance.engines.speech_gate import Heard, SpeechGate
from appliance.engines.voice_version import content_version
from appliance.engines.xtts_link import Launch, XttsLink, error_of
from appliance.engines.xtts_process.frames import Arrays
from appliance.engines.xtts_text import Piece, halves, pieces
from appliance.errors import EngineFailed, MeeshyError

ENGINE = "xtts"
LATENTS, EMBEDDING = "gpt_cond_latents", "speaker_embedding"
SEED_STEP = 1_000_003
"""Between the seeds of one piece's readings; a prime, so that they meet no other request's small seeds."""
DEEPEST_CUT = 6
FEWEST_CHARACTERS = 70
"""For a language of which the library names no limit: just under its smallest, Japanese's 71."""


@dataclass(frozen=True, slots=True)
class _Order:
    """One piece to be said: whose request it belongs to, with which seed, and how often it was halved."""

    request: SpeakRequest
    piece: Piece
    seed: int
    cuts: int = 0


class Xtts:
    """Speaks batches of different speakers, languages and texts; keeps nothing about a speaker.

    The same request gives the same samples, whatever else is in its batch.
    """

    def __init__(
        self,
        launch: Launch,
        languages: Iterable[str],
        *,
        model: str = "xtts-v2",
        model_sha256: str = "",
        gate: SpeechGate | None = None,
        link: XttsLink | None = None,
    ) -> None:
        """Speak these languages (BCP-47); the process starts with the first thing that needs it.

        `gate` judges every piece and has another reading made of one that does not pass; None lets everything pass.
        """
        self._link = link or XttsLink(launch)
        self._languages = frozenset(languages)
        self._gate = gate
        self._stock: dict[str, Voice] = {}
        drawing = "greedy" if launch.greedy else "by-seed"
        self._identity = EngineIdentity(
            ENGINE, model, model_sha256, f"{drawing}-{gate.version if gate else 'ungated'}"
        )  # fmt: skip
        self.conditionings = 0
        """How often a voice was computed from recordings: once per `match_voice`, never for a sentence."""

    def identity(self) -> EngineIdentity:
        """Return which engine and weights this is."""
        return self._identity

    def languages(self) -> frozenset[str]:
        """Return the languages it can speak."""
        return self._languages

    def stock_voice(self, language: str, name: str = "") -> Voice:
        """Return a voice that came with the weights, by default the first; every language is spoken by all of them."""
        self._require(language)
        if name not in self._stock:
            _, arrays = self._only({"op": "stock", "name": name})
            self._stock[name] = _voice("stock", arrays)
        return self._stock[name]

    def match_voice(self, references: Sequence[Samples], language: str, embedding: Samples | None = None) -> Voice:
        """Return the voice of 16 kHz recordings of one speaker; it speaks every language. Seconds of work.

        Passes over `embedding`: the model is conditioned on sound. EngineFailed where they are shorter than a second.
        """
        self._require(language)
        self.conditionings += 1
        arrays = {str(place): np.asarray(each, np.float32) for place, each in enumerate(references)}
        _, given = self._only({"op": "condition"}, arrays)
        return _voice("cloned", given)

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return one utterance at 24 kHz or error per request, in order.

        Raises EngineFailed where the process dies: which request was to blame is not known then, so whoever asked has
        to try them apart.
        """
        limits = self._link.open()["characters"] if batch else {}
        orders = [self._orders(request, limits) for request in batch]
        wanted = [order for found in orders if not isinstance(found, MeeshyError) for order in found]
        said = iter(self._said(wanted))
        results: list[Speech | MeeshyError] = []
        for found in orders:
            if isinstance(found, MeeshyError):
                results.append(found)
            else:
                results.append(self._joined(found, [next(said) for _ in found]))
        return results

    def stream(self, request: SpeakRequest) -> Iterator[Speech]:
        """Yield an utterance at 24 kHz in pieces of about a second while it is being made, or raise a MeeshyError.

        Nothing is judged, since what has been heard cannot be taken back. Other calls wait until the iterator ends or
        is closed, which cancels the rest.
        """
        orders = self._orders(request, self._link.open()["characters"])
        if isinstance(orders, MeeshyError):
            raise orders
        waiting = [*reversed(orders)]
        while waiting:
            order = waiting.pop()
            for head, given in self._link.ask({"op": "stream", "row": _row(order, 0)}, _arrays({0: request.voice})):
                if head.get("error") == "too_long" and order.cuts < DEEPEST_CUT:
                    waiting += reversed(_halved(order))
                elif "error" in head:
                    raise error_of(head)
                else:
                    yield Speech(given["samples"], self._rate_hz)
            if order.piece.pause_s and not (waiting and waiting[-1].cuts > order.cuts):
                yield Speech(np.zeros(round(order.piece.pause_s * self._rate_hz), np.float32), self._rate_hz)

    def cancel(self) -> None:
        """Give up the call in hand: its rows become Cancelled; from another thread."""
        self._link.cancel()

    def status(self) -> dict[str, Any]:
        """Return the process's counts since its start and its memory; starts it where it does not run."""
        return self._only({"op": "status"})[0]

    def warm(self) -> None:
        """Load the model, so that the first job does not wait for it; raises the reason where that fails."""
        self._link.open()

    def close(self) -> None:
        """End the process."""
        self._link.close()

    @property
    def _rate_hz(self) -> int:
        return int(self._link.facts["rate_hz"])

    def _require(self, language: str) -> None:
        if language not in self._languages:
            raise EngineFailed(f"XTTS does not speak '{language[:20]}'.")

    def _only(self, head: dict[str, Any], arrays: Arrays | None = None) -> tuple[dict[str, Any], Arrays]:
        """Return the one answer to a question or raise its error."""
        ((answer, given),) = self._link.ask(head, arrays)
        if "error" in answer:
            raise error_of(answer)
        return answer, given

    def _orders(self, request: SpeakRequest, limits: Mapping[str, int]) -> list[_Order] | MeeshyError:
        try:
            self._require(request.language)
            most = limits.get(request.language.split("-")[0], FEWEST_CHARACTERS)
            cut = pieces(request.text, request.language, most)
            return [_Order(request, piece, request.seed + place * 7_919) for place, piece in enumerate(cut)]
        except MeeshyError as error:
            return error

    def _said(self, orders: Sequence[_Order]) -> list[Heard | MeeshyError]:
        """Return what became of each order, after the readings that the gate wanted made again."""
        results = self._read(orders)
        if self._gate is None:
            return results
        for attempt in range(1, self._gate.readings):
            poor = [place for place, heard in enumerate(results) if isinstance(heard, Heard) and heard.faults]
            if not poor:
                break
            again = self._read(
                [replace(orders[place], seed=orders[place].seed + attempt * SEED_STEP) for place in poor]
            )
            for place, heard in zip(poor, again, strict=True):
                first = results[place]
                if isinstance(heard, Heard) and isinstance(first, Heard) and len(heard.faults) < len(first.faults):
                    results[place] = heard
        return [self._gate.last(heard) if isinstance(heard, Heard) else heard for heard in results]

    def _read(self, orders: Sequence[_Order]) -> list[Heard | MeeshyError]:
        """Return one reading per order; a piece that has too many tokens is halved and said in parts."""
        # By the object and not by its version: a version that is wrong must not give somebody another's voice.
        voices = {id(order.request.voice): order.request.voice for order in orders}
        places = {known: place for place, known in enumerate(voices)}
        rows = [_row(order, places[id(order.request.voice)]) for order in orders]
        arrays = _arrays({places[known]: voice for known, voice in voices.items()})
        answers = [*self._link.ask({"op": "speak", "rows": rows}, arrays)] if rows else []
        return [self._heard(order, *answer) for order, answer in zip(orders, answers, strict=True)]

    def _heard(self, order: _Order, head: dict[str, Any], given: Arrays) -> Heard | MeeshyError:
        if head.get("error") == "too_long" and order.cuts < DEEPEST_CUT:
            return self._in_halves(order)
        if "error" in head:
            return error_of(head)
        heard = Heard(given["samples"], self._rate_hz, order.piece.text, order.request.language, bool(head["ended"]))
        return heard if self._gate is None else self._gate.judged(heard)

    def _in_halves(self, order: _Order) -> Heard | MeeshyError:
        said = self._read(_halved(order))
        error = next((each for each in said if isinstance(each, MeeshyError)), None)
        if error is not None:
            return error
        heard = [each for each in said if isinstance(each, Heard)]
        return replace(
            heard[0], samples=np.concatenate([each.samples for each in heard]), text=order.piece.text,
            faults=tuple(fault for each in heard for fault in each.faults),
        )  # fmt: skip

    def _joined(self, orders: Sequence[_Order], said: Sequence[Heard | MeeshyError]) -> Speech | MeeshyError:
        parts: list[Samples] = []
        for order, heard in zip(orders, said, strict=True):
            if isinstance(heard, MeeshyError):
                return heard
            parts += [heard.samples, np.zeros(round(order.piece.pause_s * self._rate_hz), np.float32)]
        faults = tuple(fault for heard in said if isinstance(heard, Heard) for fault in heard.faults)
        return Speech(np.concatenate(parts), self._rate_hz, faults)


def _halved(order: _Order) -> list[_Order]:
    return [replace(order, piece=half, cuts=order.cuts + 1) for half in halves(order.piece)]


def _voice(kind: Any, arrays: Arrays) -> Voice:
    kept = {name: np.asarray(arrays[name], np.float32) for name in (LATENTS, EMBEDDING)}
    return Voice(kind, ENGINE, kept, content_version(ENGINE, kept, {}))


def _row(order: _Order, voice: int) -> dict[str, Any]:
    return {"text": order.piece.text, "language": order.request.language, "seed": order.seed, "voice": voice}


def _arrays(voices: dict[int, Voice]) -> dict[str, Samples]:
    # A foreign voice has other arrays; empty ones of the right names have the process refuse its rows alone.
    nothing = np.zeros(0, np.float32)
    return {
        f"{place}.{name}": np.asarray(voice.arrays.get(name, nothing), np.float32)
        for place, voice in voices.items()
        for name in (LATENTS, EMBEDDING)
    }
