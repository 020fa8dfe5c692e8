"""Frames between the appliance and the XTTS process: what goes in comes out, and nothing else is believed."""

import json
import pickle
import socket
import struct
import threading

import numpy as np
import pytest

from appliance.engines.xtts_process import frames
from appliance.engines.xtts_process.frames import Closed, FrameInvalid, receive, send


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def raw(head: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<IQ", len(head), len(body)) + head + body


def test_head_and_arrays_come_out_as_they_went_in(pair):
    ours, theirs = pair
    arrays = {
        "samples": np.linspace(-1, 1, 7, dtype=np.float32),
        "latents": np.arange(12, dtype=np.float32).reshape(1, 3, 4)[:, ::2],
        "codes": np.array([1, 2], np.int64),
        "nothing": np.zeros((0, 3), np.float32),
    }
    send(ours, {"op": "speak", "text": "à bientôt"}, arrays)
    head, came = receive(theirs)
    assert head == {"op": "speak", "text": "à bientôt"}
    assert came.keys() == arrays.keys()
    for name, array in arrays.items():
        assert came[name].shape == array.shape and came[name].dtype == array.dtype
        assert np.array_equal(came[name], array)


def test_a_frame_larger_than_the_sockets_buffer_arrives_whole(pair):
    ours, theirs = pair
    large = np.random.default_rng(0).standard_normal(2_000_000).astype(np.float32)
    sender = threading.Thread(target=send, args=(ours, {}, {"large": large}))
    sender.start()
    assert np.array_equal(receive(theirs)[1]["large"], large)
    sender.join()


@pytest.mark.parametrize(
    "content",
    [
        raw(b"not json"),
        raw(b"[1, 2]"),
        raw(b"{}"),
        raw(pickle.dumps({"arrays": []})),
        raw(json.dumps({"arrays": [["a", "<f4", [3]]]}).encode(), b"\0" * 8),
        raw(json.dumps({"arrays": [["a", "<f4", [1]]]}).encode(), b"\0" * 8),
        raw(json.dumps({"arrays": [["a", "<f4", [-2]]]}).encode(), b"\0" * 8),
        raw(json.dumps({"arrays": [["a", "|O", [1]]]}).encode(), b"\0" * 8),
        raw(json.dumps({"arrays": [["a", "<f4", ["x"]]]}).encode(), b"\0" * 4),
        raw(json.dumps({"arrays": [[]]}).encode()),
        raw(json.dumps({"arrays": [["a", "<f4", [0]]] * 513}).encode()),
        struct.pack("<IQ", frames.HEAD_BYTES_MAX + 1, 0),
        struct.pack("<IQ", 2, frames.ARRAYS_BYTES_MAX + 1),
    ],
)
def test_what_is_no_frame_is_refused(pair, content):
    ours, theirs = pair
    ours.sendall(content)
    ours.close()
    with pytest.raises(FrameInvalid):
        receive(theirs)


def test_a_stream_that_ends_is_closed_in_the_middle_too(pair):
    ours, theirs = pair
    ours.sendall(raw(b"{}")[:-1])
    ours.close()
    with pytest.raises(Closed):
        receive(theirs)


def test_what_would_be_too_large_is_not_sent(pair, monkeypatch):
    monkeypatch.setattr(frames, "ARRAYS_BYTES_MAX", 16)
    with pytest.raises(FrameInvalid):
        send(pair[0], {}, {"a": np.zeros(5, np.float32)})
    with pytest.raises(FrameInvalid):
        send(pair[0], {"text": "x" * frames.HEAD_BYTES_MAX})


def test_a_reader_that_is_gone_is_noticed(pair):
    ours, theirs = pair
    theirs.close()
    with pytest.raises(Closed):
        for _ in range(100):
            send(ours, {}, {"a": np.zeros(100_000, np.float32)})
