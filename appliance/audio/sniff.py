"""A first look at the bytes, so that what is plainly no recording is refused with its real name."""

from appliance.errors import AudioFormatRefused, AudioMissing

SNIFF_BYTES = 4096
_TEXT_SAMPLE_BYTES = 512

_RECORDINGS = (b"RIFF", b"RF64", b"OggS", b"fLaC", b"ID3", b"FORM", b".snd", b"caff", b"#!AMR", b"\x1aE\xdf\xa3")

_OTHERS = {
    b"ffconcat": "a playlist that names other files",
    b"#EXTM3U": "a playlist that names other files",
    b"[playlist]": "a playlist that names other files",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "an archive or office document",
    b"\x1f\x8b": "a compressed archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}

_ADVICE = "Send a recording as WAV, MP3, M4A, Ogg/Opus, FLAC, WebM, AAC, AMR, AIFF, AU or CAF."


def refuse_what_is_no_recording(head: bytes) -> None:
    """Raise AudioMissing for no bytes, AudioFormatRefused for text, playlists, pictures, archives and programs.

    `head` is the first SNIFF_BYTES of the file. Silence means only that a decoder may try.
    """
    if not head:
        raise AudioMissing("The recording is empty: it has no bytes.")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise AudioFormatRefused(f"This is {name}, not a recording. {_ADVICE}")
    if head.startswith(_RECORDINGS) or head[4:8] == b"ftyp":
        return
    if _is_text(head[:_TEXT_SAMPLE_BYTES]):
        raise AudioFormatRefused(f"This is text, not a recording. {_ADVICE}")


def _is_text(sample: bytes) -> bool:
    try:
        text = sample.decode()
    except UnicodeDecodeError as error:
        # A character cut in two by the sample's end is still text.
        if error.start < len(sample) - 3:
            return False
        text = sample[: error.start].decode()
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)
