"""What the decoder's child says to its parent, and the parent's distrust of it.

A child that has read a hostile file may be under somebody else's command, so its words are data of bounded size and
checked shape: a length-prefixed JSON head of at most 64 KiB, then exactly as many PCM bytes as the head announced,
which is never more than the parent allowed.
"""

import struct
from typing import Annotated

import msgspec

from appliance import errors
from appliance.audio.decoded import Recording

HEAD_BYTES_MAX = 65_536
_LENGTH = struct.Struct("<I")
LENGTH_BYTES = _LENGTH.size

_STATUS = struct.Struct("<i")
STATUS_BYTES = _STATUS.size

REFUSALS: dict[str, type[errors.MeeshyError]] = {
    cls.code: cls
    for cls in (
        errors.AudioEmpty,
        errors.AudioFormatRefused,
        errors.AudioTooLong,
        errors.AudioUnreadable,
        errors.NoAudioStream,
        errors.TooManyChannels,
    )
}
"""The only errors that a child may report."""


class Ready(msgspec.Struct, tag="ready", forbid_unknown_fields=True):
    """The child has loaded its libraries and locked itself in; `sandbox` names the walls that stand."""

    sandbox: Annotated[list[Annotated[str, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=20)]


class NotStarted(msgspec.Struct, tag="not_started", forbid_unknown_fields=True):
    """The child could not load its libraries."""

    detail: Annotated[str, msgspec.Meta(max_length=1000)]


class Refused(msgspec.Struct, tag="refused", forbid_unknown_fields=True):
    """The recording cannot be used: the code of one of REFUSALS and a sentence for the user."""

    code: Annotated[str, msgspec.Meta(max_length=60)]
    detail: Annotated[str, msgspec.Meta(max_length=500)]


class Heard(msgspec.Struct, tag="heard", forbid_unknown_fields=True):
    """The recording was decoded; `samples` PCM samples follow the head."""

    samples: Annotated[int, msgspec.Meta(ge=1)]
    recording: Recording


Message = Ready | NotStarted | Refused | Heard

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Message)


def pack(message: Message) -> bytes:
    """Return a message as its length and its JSON."""
    head = _ENCODER.encode(message)
    return _LENGTH.pack(len(head)) + head


def head_length(prefix: bytes) -> int:
    """Return how many bytes of JSON follow a length prefix; raise AudioUnreadable beyond HEAD_BYTES_MAX."""
    (length,) = _LENGTH.unpack(prefix)
    if length > HEAD_BYTES_MAX:
        raise errors.AudioUnreadable("The decoder gave an answer that makes no sense for this recording.")
    return length


def unpack(head: bytes) -> Message:
    """Return the message in a JSON head; raise AudioUnreadable if it has any other shape than the four above."""
    try:
        return _DECODER.decode(head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise errors.AudioUnreadable("The decoder gave an answer that makes no sense for this recording.") from error


def refusal(message: Refused) -> errors.MeeshyError:
    """Return the error that a refusal stands for; a code that no child may use becomes AudioUnreadable."""
    return REFUSALS.get(message.code, errors.AudioUnreadable)(message.detail)


def pack_status(exit_code: int) -> bytes:
    """Return how a child ended, as the zygote says it: the exit code, or the negative number of the signal."""
    return _STATUS.pack(exit_code)


def unpack_status(told: bytes) -> int | None:
    """Return how a child ended, None where the zygote could not say."""
    return _STATUS.unpack(told)[0] if len(told) == STATUS_BYTES else None
