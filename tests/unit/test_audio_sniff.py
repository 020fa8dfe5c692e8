import pytest

from appliance.audio.sniff import refuse_what_is_no_recording
from appliance.errors import AudioFormatRefused, AudioMissing
from appliance.testing.audio_files import CONTAINERS, recording, voice


def test_no_bytes_is_a_missing_recording():
    with pytest.raises(AudioMissing):
        refuse_what_is_no_recording(b"")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"ffconcat version 1.0\nfile x.wav\n", "playlist"),
        (b"\xef\xbb\xbf  #EXTM3U\n", "playlist"),
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04\x14\0", "archive"),
        (b"hello, I am text", "text"),
        ("Été à la plage ".encode() * 60, "text"),
    ],
)
def test_what_is_plainly_something_else_is_refused_by_its_name(head, name):
    with pytest.raises(AudioFormatRefused, match=name):
        refuse_what_is_no_recording(head)


@pytest.mark.parametrize("container", CONTAINERS)
def test_recordings_pass(container):
    refuse_what_is_no_recording(recording(container, voice(0.2))[:4096])


def test_unknown_binary_passes_to_the_decoder():
    refuse_what_is_no_recording(b"\xff\xf1\x50\x80\x01\x7f\xfc" * 20)
