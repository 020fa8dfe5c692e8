"""Every file of `appliance.testing.hostile_audio` through the real, sandboxed decoder."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audio.decoded import DecodedAudio
from appliance.audio.process import DecodeLimits, DecoderProcess
from appliance.audio.zygote_link import Zygote
from appliance.errors import MeeshyError
from appliance.testing.hostile_audio import CANARY_S, cases

FOLDER_NAME = "uploads"
NAMES = [case.name for case in cases(Path("/nowhere"))]
PLAYLISTS = [case.name for case in cases(Path("/nowhere")) if case.siblings]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp(FOLDER_NAME)


@pytest.fixture(scope="module")
def files(folder):
    return {case.name: case for case in cases(folder)}


def written(case, folder):
    for name, data in case.siblings.items():
        (folder / name).write_bytes(data)
    path = folder / case.file_name
    path.write_bytes(case.data)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_refused_with_its_code_or_decoded_to_what_it_really_holds(name, files, folder, decoder):
    case = files[name]

    try:
        answer = decoder.decode(written(case, folder))
    except MeeshyError as error:
        answer = error

    if isinstance(answer, DecodedAudio):
        assert case.usable
        assert answer.duration_s < CANARY_S - 0.5
    else:
        assert answer.code in case.codes
        assert 400 <= answer.status < 500


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_that_slips_past_the_first_look_reaches_no_other_file(name, files, folder):
    path = written(files[name], folder)
    zygote = Zygote()
    child = DecoderProcess(zygote, DecodeLimits())

    try:
        child.wait_ready()
        with path.open("rb") as file, pytest.raises(MeeshyError) as refused:
            child.decode(file.fileno(), DecodeLimits())
    finally:
        child.end()
        zygote.close()

    assert refused.value.code in {"audio_unreadable", "audio_format_refused"}


def test_the_same_playlist_reaches_the_other_file_where_nothing_stops_it(files, folder):
    path = written(files["ffconcat named .wav"], folder)
    code = "import av, sys; c = av.open(sys.argv[1]); print(sum(f.samples / f.sample_rate for f in c.decode(audio=0)))"

    bare = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)

    assert float(bare.stdout) == pytest.approx(CANARY_S)


def test_the_decoder_still_works_after_all_of_them(files, folder, decoder):
    assert decoder.decode(written(files["video with audio"], folder)).duration_s == pytest.approx(1.05, abs=0.05)
