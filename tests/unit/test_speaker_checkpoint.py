"""A legacy checkpoint gives its tensors and runs nothing."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from appliance.engines.legacy_checkpoint import read_legacy_checkpoint
from appliance.errors import ModelCorrupt, ModelMissing

HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
VALUES = np.arange(6, dtype="<f4")


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def tensor(rebuild: bytes = b"ctorch._utils\n_rebuild_tensor_v2\n", offset: int = 0) -> bytes:
    """Pickle opcodes of a [3, 2] tensor that views a row-major [2, 3] storage transposed."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x06NtQ"
    return rebuild + b"(" + storage + b"K" + bytes([offset]) + b"(K\x03K\x02t(K\x01K\x03t\x89}tR"


def checkpoint(content: bytes, stored: bytes = (6).to_bytes(8, "little") + VALUES.tobytes()) -> bytes:
    return (
        HEAD
        + b"\x80\x02}"
        + text("model_state")
        + b"}"
        + text("w")
        + content
        + b"ss."
        + pickle.dumps(["0"], 2)
        + stored
    )


def read(tmp_path: Path, content: bytes) -> dict:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    return read_legacy_checkpoint(path)


def test_a_strided_tensor_comes_out_as_the_array_it_views(tmp_path: Path) -> None:
    weights = read(tmp_path, checkpoint(tensor()))["model_state"]["w"]
    assert np.array_equal(weights, VALUES.reshape(2, 3).T)


def test_a_name_that_is_no_tensor_is_refused_before_it_is_called(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    evil = b"cposix\nsystem\n(" + text(f"touch {marker}") + b"tR"
    with pytest.raises(ModelCorrupt, match=r"posix\.system"):
        read(tmp_path, checkpoint(evil))
    assert not marker.exists()


def test_a_tensor_outside_its_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="outside its storage"):
        read(tmp_path, checkpoint(tensor(offset=1)))


@pytest.mark.parametrize("kept", [0, 5, 40, 90, 150, -1, -20])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, kept: int) -> None:
    with pytest.raises(ModelCorrupt):
        read(tmp_path, checkpoint(tensor())[:kept])


def test_a_storage_of_another_length_than_announced_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="cut short"):
        read(tmp_path, checkpoint(tensor(), (7).to_bytes(8, "little") + VALUES.tobytes()))


def test_an_absent_file_is_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        read_legacy_checkpoint(tmp_path / "absent.pt")
