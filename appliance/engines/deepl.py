"""A client for DeepL's text translation, `POST /v2/translate` (github.com/DeepLcom/openapi, openapi.yaml).

The only engine that text leaves the site for. It does nothing unless constructed, and every HTTP call, failed ones
included, is reported to `audit` with its size and outcome and never with its text.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx

from appliance.engines.deepl_languages import LANGUAGES, source_code, target_code
from appliance.engines.protocols import EngineIdentity, TranslatedSegment, TranslateRequest, Translation
from appliance.errors import ExternalServiceFailed, InvalidRequest, MeeshyError

MOST_TEXTS = 50
"""Texts per request (DeepL, "Translate text")."""
MOST_BODY_BYTES = 128 * 1024
"""DeepL refuses larger bodies with 413."""
LONGEST_WAIT_S = 10.0
FIRST_WAIT_S = 0.5
USER_AGENT = "meeshy-appliance"

# "We recommend implementing retries with exponential backoff" for 429 and 5xx (DeepL, "Error handling"); the OpenAPI
# document gives 529 the meaning of 429.
_BUSY = frozenset({429, 529})
_REASONS = {
    400: "did not accept the request",
    403: "refused the API key",
    404: "does not know the address",
    413: "found the request too large",
    456: "has no quota left in this billing period",
}


@dataclass(frozen=True, slots=True)
class DeepLCall:
    """One HTTP call for the audit log: how much text of which pair left the site, and what came of it."""

    source: str
    target: str
    texts: int
    characters: int
    status: int | None
    """None where no answer came: time-out or broken connection."""
    duration_ms: float
    attempt: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text belongs: which request of the batch and which of its segments."""

    request: int
    segment: int
    text: str


class DeepL:
    """Implements Translator over DeepL's HTTP API, with bounded retries."""

    def __init__(
        self,
        key: str,
        *,
        url: str,
        audit: Callable[[DeepLCall], None],
        timeout_s: float = 10.0,
        attempts: int = 4,
        proxy: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the key and the base address; nothing is sent before the first `translate`.

        `attempts` counts the first try. `jitter` gives numbers in [0, 1). Proxies of the environment are not used.
        """
        if not key:
            raise InvalidRequest("DeepL needs an API key.")
        self._audit, self._attempts = audit, attempts
        self._sleep, self._jitter, self._monotonic_s = sleep, jitter, monotonic_s
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"DeepL-Auth-Key {key}", "User-Agent": USER_AGENT},
            timeout=timeout_s,
            proxy=proxy,
            trust_env=False,
            # A redirect would carry the texts, and the key, to a host that nobody allowed.
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the same as `routes`: DeepL needs no second hop."""
        return self.routes()

    def routes(self) -> frozenset[tuple[str, str]]:
        """Return every pair of different languages that DeepL lists."""
        return frozenset((source, target) for source in LANGUAGES for target in LANGUAGES if source != target)

    def identity(self, source: str, target: str) -> tuple[EngineIdentity, ...]:
        """Return DeepL as the one hop, or raise NoRoute. It has no hash: what runs there may change any day."""
        return (EngineIdentity("deepl", "v2", "", f"{source_code(source)}>{target_code(target)}"),)

    def quality(self, source: str, target: str) -> Literal["starter", "standard"]:
        """Return `standard`: DeepL's models are no starter packs."""
        return "standard"

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return one translation or error per request; texts of a pair share requests of up to 50 texts, 128 KiB.

        Errors: NoRoute; InvalidRequest for a segment too large to send; ExternalServiceFailed with `reason` in its
        extra: `busy`, `quota`, `refused`, `unreachable` or `answer`.
        """
        errors: dict[int, MeeshyError] = {}
        texts: dict[_Place, str] = {}
        waiting: dict[tuple[str, str], list[_Place]] = {}
        for number, request in enumerate(batch):
            try:
                pair = (source_code(request.source), target_code(request.target))
            except MeeshyError as error:
                errors[number] = error
                continue
            places = [_Place(number, index, text) for index, text in enumerate(request.segments) if text.strip()]
            waiting.setdefault(pair, []).extend(places)
        for pair, places in waiting.items():
            for chunk in _chunks(pair, places, errors):
                try:
                    texts |= dict(zip(chunk, self._send(pair, chunk), strict=True))
                except MeeshyError as error:
                    errors |= {place.request: error for place in chunk if place.request not in errors}
        return [errors.get(number) or self._assemble(number, request, texts) for number, request in enumerate(batch)]

    def _assemble(self, number: int, request: TranslateRequest, texts: dict[_Place, str]) -> Translation:
        segments = tuple(
            TranslatedSegment(texts.get(_Place(number, index, text), text), None)
            for index, text in enumerate(request.segments)
        )
        engines = self.identity(request.source, request.target)
        return Translation(segments, engines, f"deepl:{request.source}>{request.target}")

    def _send(self, pair: tuple[str, str], chunk: list[_Place]) -> list[str]:
        """Return the chunk's translations, retrying what may pass, or raise ExternalServiceFailed."""
        failure: ExternalServiceFailed | None = None
        for attempt in range(1, self._attempts + 1):
            if failure is not None:
                self._sleep(self._wait_s(attempt, failure.retry_after_s))
            response = self._post(pair, chunk, attempt)
            if response is None:
                failure = ExternalServiceFailed("DeepL could not be reached in time.", reason="unreachable")
            elif response.status_code == 200:
                return _read_answer(response, len(chunk))
            elif response.status_code in _BUSY or response.status_code >= 500:
                failure = _busy(response)
            else:
                reason = "quota" if response.status_code == 456 else "refused"
                meaning = _REASONS.get(response.status_code, "answered in a way it does not document")
                raise ExternalServiceFailed(f"DeepL {meaning} ({response.status_code}).", reason=reason)
        assert failure is not None
        raise failure

    def _post(self, pair: tuple[str, str], chunk: list[_Place], attempt: int) -> httpx.Response | None:
        started_s = self._monotonic_s()
        response: httpx.Response | None = None
        try:
            response = self._client.post(
                "/v2/translate", content=_body(pair, chunk), headers={"Content-Type": "application/json"}
            )
        except httpx.RequestError:
            # No `from`: the exception holds the request, and with it the key and the texts.
            response = None
        finally:
            self._audit(
                DeepLCall(
                    source=pair[0],
                    target=pair[1],
                    texts=len(chunk),
                    characters=sum(len(place.text) for place in chunk),
                    status=response.status_code if response is not None else None,
                    duration_ms=(self._monotonic_s() - started_s) * 1000,
                    attempt=attempt,
                )
            )
        return response

    def _wait_s(self, attempt: int, asked_s: float | None) -> float:
        """Return the pause before an attempt: doubling, half of it random so that clients do not march in step."""
        doubled_s = FIRST_WAIT_S * 2 ** (attempt - 2)
        waited_s = doubled_s * (0.5 + 0.5 * self._jitter())
        return min(LONGEST_WAIT_S, max(waited_s, asked_s or 0.0))


def _body(pair: tuple[str, str], chunk: Sequence[_Place]) -> bytes:
    content = {"text": [place.text for place in chunk], "source_lang": pair[0], "target_lang": pair[1]}
    return json.dumps(content, ensure_ascii=False).encode()


def _chunks(pair: tuple[str, str], places: list[_Place], errors: dict[int, MeeshyError]) -> list[list[_Place]]:
    """Return the texts in groups that DeepL takes; a text too large by itself makes its request an error."""
    chunks: list[list[_Place]] = [[]]
    for place in places:
        if len(_body(pair, [place])) > MOST_BODY_BYTES:
            errors[place.request] = InvalidRequest("A segment is longer than DeepL takes in one request.")
            continue
        if len(chunks[-1]) >= MOST_TEXTS or len(_body(pair, [*chunks[-1], place])) > MOST_BODY_BYTES:
            chunks.append([])
        chunks[-1].append(place)
    # Nothing of a request that fails anyway leaves the site.
    kept = [[place for place in chunk if place.request not in errors] for chunk in chunks]
    return [chunk for chunk in kept if chunk]


def _busy(response: httpx.Response) -> ExternalServiceFailed:
    asked = response.headers.get("Retry-After", "")
    # The header may also be a date; DeepL documents neither, so only seconds are honoured.
    retry_after_s = float(asked) if asked.isascii() and asked.isdigit() else None
    detail = f"DeepL has too much to do ({response.status_code})."
    return ExternalServiceFailed(detail, reason="busy", retry_after_s=retry_after_s)


def _read_answer(response: httpx.Response, expected: int) -> list[str]:
    try:
        answer: Any = response.json()
        texts = [translation["text"] for translation in answer["translations"]]
    except (ValueError, KeyError, TypeError):
        texts = []
    if len(texts) != expected or not all(isinstance(text, str) for text in texts):
        raise ExternalServiceFailed("DeepL's answer does not hold one text for each text sent.", reason="answer")
    return texts
