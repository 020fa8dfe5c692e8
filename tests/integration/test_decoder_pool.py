import contextlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance import errors
from appliance.audio.decoder import DecoderPool
from appliance.audio.process import DecodeLimits, DecoderProcess
from appliance.audio.zygote_link import Zygote
from appliance.testing.audio_files import recording, voice
from appliance.testing.bombs import silent_flac, silent_opus

NOTE = recording("mp3", voice(2.0))


def children_of_this_process():
    """Return the ids of all child processes, zombies included."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(number) for task in tasks for number in (task / "children").read_text().split()}


def children_of(pid):
    """Return the ids of the children of a process with one thread."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(autouse=True)
def others():
    """Give the child processes that are not the test's own, and see that none of the test's stays."""
    before = children_of_this_process()
    yield before
    assert children_of_this_process() <= before


@pytest.fixture
def zygote(others):
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def pool(others):
    with DecoderPool() as pool:
        yield pool


def test_a_recording_decodes_the_same_from_bytes_and_from_a_file(pool, tmp_path):
    (tmp_path / "note").write_bytes(NOTE)

    from_bytes, from_file = pool.decode(NOTE), pool.decode(tmp_path / "note")

    assert from_bytes == from_file
    assert from_bytes.duration_s == pytest.approx(2.0, abs=0.06)
    assert from_bytes.measures.loudness_lufs == pytest.approx(-16, abs=3)


def test_the_walls_are_named(pool):
    pool.decode(NOTE)

    assert {"cpu_limit", "memory_limit", "no_file_writes", "open_files_limit"} <= set(pool.sandbox)


def test_many_threads_each_get_their_own_recording(pool):
    notes = [recording("flac", voice(1.0 + number / 4)) for number in range(8)]

    with ThreadPoolExecutor(8) as threads:
        lengths_s = [audio.duration_s for audio in threads.map(pool.decode, notes)]

    assert lengths_s == pytest.approx([1.0 + number / 4 for number in range(8)])


def test_a_file_that_is_not_there_is_the_callers_error(pool, tmp_path):
    with pytest.raises(FileNotFoundError):
        pool.decode(tmp_path / "gone")


def test_a_closed_pool_says_that_it_is_not_ready(pool):
    pool.close()

    with pytest.raises(errors.NotReady):
        pool.decode(NOTE)


def test_a_spare_that_died_is_reported_as_not_ready_and_the_next_decode_works(pool, others):
    (zygote,) = children_of_this_process() - others
    while not children_of(zygote):
        threading.Event().wait(0.001)
    for spare in children_of(zygote):
        os.kill(spare, signal.SIGKILL)

    with pytest.raises(errors.NotReady):
        pool.decode(NOTE)
    assert pool.decode(NOTE).duration_s == pytest.approx(2.0, abs=0.06)


def test_a_zygote_that_died_is_replaced(pool, others):
    (zygote,) = children_of_this_process() - others
    os.kill(zygote, signal.SIGKILL)

    lengths_s = []
    for _ in range(3):
        with contextlib.suppress(errors.NotReady):  # its spare, and a request that it did not take any more
            lengths_s.append(pool.decode(NOTE).duration_s)
    assert lengths_s[-1] == pytest.approx(2.0, abs=0.06)
    assert zygote not in children_of_this_process() - others


def test_a_zygote_that_ends_after_it_was_replaced_leaves_no_zombie(zygote, others):
    DecoderProcess(zygote, DecodeLimits()).end()
    (first,) = children_of_this_process() - others
    os.kill(first, signal.SIGSTOP)
    zygote.retire()
    DecoderProcess(zygote, DecodeLimits()).end()
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

    DecoderProcess(zygote, DecodeLimits()).end()

    assert first not in children_of_this_process() - others


def test_a_recording_that_crashes_its_decoder_costs_the_zygote_its_place(zygote, tmp_path, others):
    child = DecoderProcess(zygote, DecodeLimits())
    child.wait_ready()
    (before,) = children_of_this_process() - others
    (pid,) = children_of(before)
    os.kill(pid, signal.SIGSEGV)
    (tmp_path / "note").write_bytes(NOTE)

    with (tmp_path / "note").open("rb") as file, pytest.raises(errors.AudioUnreadable):
        child.decode(file.fileno(), DecodeLimits())
    child.end()
    again = DecoderProcess(zygote, DecodeLimits())
    again.wait_ready()
    again.end()

    assert children_of_this_process() - others - {before}


def test_the_zygote_ends_when_its_parent_is_gone(tmp_path):
    program = (
        "import os, signal; from appliance.audio.decoder import DecoderPool; pool = DecoderPool().__enter__();"
        "tasks = os.listdir('/proc/self/task');"
        "print(*[open(f'/proc/self/task/{t}/children').read() for t in tasks], flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    told = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False).stdout
    (zygote,) = told.split()
    for _ in range(1000):
        if not Path(f"/proc/{zygote}").exists():
            break
        threading.Event().wait(0.01)

    assert not Path(f"/proc/{zygote}").exists()


def test_a_decode_that_the_machine_cannot_finish_in_time_is_killed_and_may_be_tried_again():
    with DecoderPool(DecodeLimits(wall_s=0.001)) as pool, pytest.raises(errors.Overloaded):
        pool.decode(recording("ogg", voice(30.0)))


def test_a_decode_over_its_processor_time_is_refused():
    limits = DecodeLimits(cpu_s=2, wall_s=300, max_audio_s=30_000)

    with DecoderPool(limits) as pool, pytest.raises(errors.AudioUnreadable, match="stops the decoder"):
        pool.decode(silent_opus(25_000))


def test_a_decode_over_its_memory_is_refused():
    limits = DecodeLimits(memory_bytes=340 << 20, max_audio_s=3000)

    with DecoderPool(limits) as pool, pytest.raises(errors.AudioUnreadable):
        pool.decode(silent_flac(900.0))


def test_a_child_killed_from_outside_is_no_fault_of_the_recording(zygote, tmp_path, others):
    child = DecoderProcess(zygote, DecodeLimits())
    child.wait_ready()
    (parent,) = children_of_this_process() - others
    (pid,) = children_of(parent)
    os.kill(pid, signal.SIGSTOP)
    killer = threading.Timer(0, os.kill, (pid, signal.SIGKILL))
    killer.start()

    try:
        (tmp_path / "note").write_bytes(NOTE)
        with (tmp_path / "note").open("rb") as file, pytest.raises(errors.NotReady):
            child.decode(file.fileno(), DecodeLimits())
    finally:
        killer.join()
        child.end()


def test_a_child_serves_one_recording_only(zygote, tmp_path):
    child = DecoderProcess(zygote, DecodeLimits())
    child.wait_ready()
    (tmp_path / "note").write_bytes(NOTE)

    try:
        with (tmp_path / "note").open("rb") as file:
            child.decode(file.fileno(), DecodeLimits())
            with pytest.raises(errors.AudioUnreadable):
                child.decode(file.fileno(), DecodeLimits())
    finally:
        child.end()


@pytest.mark.parametrize("max_audio_s", [60.0, 1800.0])
def test_limits_for_a_length_have_room_for_it(max_audio_s):
    with DecoderPool(DecodeLimits.for_audio(max_audio_s)) as pool:
        assert pool.decode(silent_flac(max_audio_s - 5)).duration_s == pytest.approx(max_audio_s - 5, abs=4.1)
