import pytest

from appliance.audio import wire
from appliance.audio.decoded import Measures, Recording
from appliance.errors import AudioTooLong, AudioUnreadable

MEASURES = Measures(20.0, 0.0, 0.5, -16.0, 0.1, 0.2, False)
RECORDING = Recording("wav", "pcm_s16le", 1, 16_000, 2.0, [(0.5, 1.0)], False, MEASURES)


def head_of(message):
    packed = wire.pack(message)
    assert wire.head_length(packed[: wire.LENGTH_BYTES]) == len(packed) - wire.LENGTH_BYTES
    return packed[wire.LENGTH_BYTES :]


@pytest.mark.parametrize(
    "message",
    [wire.Ready(["seccomp"]), wire.NotStarted("why"), wire.Refused("audio_empty", "x"), wire.Heard(32_000, RECORDING)],
)
def test_each_message_arrives_as_it_was_sent(message):
    assert wire.unpack(head_of(message)) == message


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b'{"type":"heard"}',
        b'{"type":"refused","code":"x","detail":"y","more":1}',
        b'{"type":"ready","sandbox":"all"}',
        b"[" * 1000,
    ],
)
def test_what_no_honest_child_says_is_an_unreadable_recording(head):
    with pytest.raises(AudioUnreadable):
        wire.unpack(head)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b'"samples":32000', b'"samples":-1'),
        (b'"channels":1', b'"channels":0'),
        (b'"declared_duration_s":2.0', b'"declared_duration_s":1e300'),
        (b'"snr_db":20.0', b'"snr_db":NaN'),
        (b'"missing":[[0.5,1.0]]', b'"missing":[' + b",".join([b"[0,1]"] * 101) + b"]"),
        (b'"codec":"pcm_s16le"', b'"codec":"' + b"x" * 41 + b'"'),
    ],
)
def test_numbers_out_of_bounds_are_not_taken_from_a_child(true, false):
    head = head_of(wire.Heard(32_000, RECORDING))
    assert true in head

    with pytest.raises(AudioUnreadable):
        wire.unpack(head.replace(true, false))


def test_a_head_longer_than_allowed_is_not_even_read():
    with pytest.raises(AudioUnreadable):
        wire.head_length(b"\xff\xff\xff\x7f")


def test_a_child_can_raise_only_what_concerns_recordings():
    assert isinstance(wire.refusal(wire.Refused("audio_too_long", "x")), AudioTooLong)
    assert isinstance(wire.refusal(wire.Refused("not_authenticated", "x")), AudioUnreadable)
