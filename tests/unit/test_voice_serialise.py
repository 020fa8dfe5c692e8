"""A voice survives storage unchanged, or is refused."""

import io

import numpy as np
import pytest

from appliance.engines.kokoro_styles import make_voice
from appliance.errors import ModelCorrupt
from appliance.voices.serialise import beside_of, from_bytes, to_bytes

VOICE = make_voice("matched", np.array([0.25, 0.75]), np.array([1.0, 0.0]), {"speed": 0.97})


def test_a_voice_comes_back_as_it_went() -> None:
    back = from_bytes(to_bytes(VOICE))
    assert (back.kind, back.engine, back.version, back.parameters) == (
        "matched",
        "kokoro",
        VOICE.version,
        {"speed": 0.97},
    )
    assert set(back.arrays) == {"timbre", "prosody"}
    assert all(np.array_equal(back.arrays[name], VOICE.arrays[name]) for name in back.arrays)


def test_what_lies_beside_a_voice_is_no_part_of_it() -> None:
    content = to_bytes(VOICE, {"slope": np.arange(6.0).reshape(2, 3)})
    assert from_bytes(content).version == VOICE.version and set(from_bytes(content).arrays) == {"timbre", "prosody"}
    assert np.array_equal(beside_of(content)["slope"], [[0, 1, 2], [3, 4, 5]])
    assert beside_of(to_bytes(VOICE)) == {}
    with pytest.raises(ModelCorrupt):
        beside_of(content[:200])


def test_an_altered_voice_is_refused() -> None:
    content = bytearray(to_bytes(VOICE))
    at = bytes(content).index(VOICE.arrays["timbre"].tobytes())
    content[at] ^= 1
    with pytest.raises(ModelCorrupt):
        from_bytes(bytes(content))


def test_a_pickled_array_is_never_loaded() -> None:
    target = io.BytesIO()
    np.savez(target, **{"voice.json": np.array([{"kind": "matched"}], dtype=object)})
    with pytest.raises(ModelCorrupt):
        from_bytes(target.getvalue())


@pytest.mark.parametrize("content", [b"", b"no zip", to_bytes(VOICE)[:200]])
def test_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(ModelCorrupt):
        from_bytes(content)
