"""Reading a request's body while it arrives: hashed on the way, bounded, and never trusted."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from appliance import errors
from appliance.api.bodies import Shape, decoded
from appliance.api.room import Held
from appliance.api.threads import Threads
from appliance.errors import AudioEmpty, AudioMissing, ContentTypeRefused, InvalidRequest

_T = TypeVar("_T", bound=msgspec.Struct)
SILENCE_S = 20.0
"""A sender that has not sent a byte for so long is gone."""
PARTS_MAX = 40
FIELD_BYTES_MAX = 8192
BOUNDARY_MAX = 70
"""RFC 2046, section 5.1.1."""

UPLOAD_REFUSALS = (
    errors.UploadTooLarge,
    errors.AudioTooLong,
    errors.ContentTypeRefused,
    errors.AudioFormatRefused,
    errors.AudioMissing,
    errors.AudioEmpty,
    errors.AudioUnreadable,
    errors.NoAudioStream,
    errors.TooManyChannels,
    errors.NoSpeech,
)
"""Why a recording may be refused, whatever it is sent for."""


class Upload(msgspec.Struct, frozen=True):
    """A recording and what to do with it."""

    wishes: Any
    """Of the shape that was asked for."""
    audio: bytes
    sha256: str


async def read_upload(request: Request, shape: Shape, held: Held, threads: Threads) -> Upload:
    """Return what the request brings, or raise why it cannot be used; never keeps more than the body's limit.

    The limit is the application's `request_max_body_size`; Litestar counts the bytes as they come.
    """
    kind, options = request.content_type
    if _is_json(kind):
        body = b"".join([chunk async for chunk in _chunks(request, held)])
        upload = await threads.short(_from_json, shape, body)
    elif kind == "multipart/form-data":
        upload = await _from_form(request, shape, held, options.get("boundary", ""))
    else:
        raise ContentTypeRefused("Send multipart/form-data with a file in the field 'audio', or application/json.")
    if not upload.audio:
        raise AudioEmpty("The recording is an empty file.")
    return upload


async def read_json(request: Request, kind: type[_T], held: Held) -> _T:
    """Return a request's JSON body as this struct, or raise why it cannot be used."""
    if not _is_json(request.content_type[0]):
        raise ContentTypeRefused("Send application/json.")
    return decoded(b"".join([chunk async for chunk in _chunks(request, held)]), kind)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def _from_json(shape: Shape, body: bytes) -> Upload:
    wishes, audio = shape.from_json(body)
    return Upload(wishes, audio, hashlib.sha256(audio).hexdigest())


async def _from_form(request: Request, shape: Shape, held: Held, boundary: str) -> Upload:
    if not 0 < len(boundary) <= BOUNDARY_MAX or not boundary.isascii():
        raise InvalidRequest("The multipart body needs a boundary of 1 to 70 ASCII characters.")
    form = _Form()
    try:
        parser = PushMultipartParser(boundary, max_segment_count=PARTS_MAX)
        async for chunk in _chunks(request, held):
            for event in parser.parse(chunk):
                form.take(event)
        parser.close()
        texts = form.texts()
    except (MultipartError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The multipart body is broken: {error}") from error
    if form.audio is None:
        raise AudioMissing("The form has no file in the field 'audio'.")
    return Upload(shape.from_form(texts), bytes(form.audio), form.digest.hexdigest())


class _Form:
    """A form as it grows, part by part."""

    def __init__(self) -> None:
        self.audio: bytearray | None = None
        self.digest = hashlib.sha256()
        self._fields: list[tuple[str, bytearray]] = []
        self._in_audio = False

    def take(self, event: "MultipartSegment | bytes | bytearray | None") -> None:
        """Take the parser's next event: the head of a part, some of its bytes, or its end."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._in_audio = False
        elif self._in_audio and self.audio is not None:
            self.audio += event
            self.digest.update(event)
        else:
            name, value = self._fields[-1]
            value += event
            if len(value) > FIELD_BYTES_MAX:
                raise InvalidRequest(f"The form's field '{name[:40]}' is too long.")

    def texts(self) -> dict[str, list[str]]:
        """Return the text fields, each with all its values."""
        found: dict[str, list[str]] = {}
        for name, value in self._fields:
            found.setdefault(name, []).append(value.decode())
        return found

    def _begin(self, segment: MultipartSegment) -> None:
        if segment.name == "audio":
            if self.audio is not None:
                raise InvalidRequest("The form has the field 'audio' more than once.")
            self.audio, self._in_audio = bytearray(), True
        else:
            self._fields.append((segment.name, bytearray()))


async def _chunks(request: Request, held: Held) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                chunk = await anext(stream, b"")
        except TimeoutError as error:
            raise InvalidRequest("The upload stopped before its end.") from error
        except HTTPException as error:
            # Litestar says 500 when the sender hangs up; nobody reads the answer, but the log should not call it ours.
            if error.status_code == 500:
                raise InvalidRequest("The upload stopped before its end.") from error
            raise
        if not chunk:
            return
        held.grow(len(chunk))
        yield chunk
