"""Voices are weights over stock styles, and their version is their content."""

from pathlib import Path

import numpy as np
import pytest

from appliance.engines.kokoro_styles import (
    DEFAULT_VOICES,
    STYLE_ROWS,
    STYLE_WIDTH,
    TIMBRE_WIDTH,
    make_voice,
    read_stock_facts,
    read_styles,
    style_of,
)
from appliance.engines.protocols import Voice
from appliance.errors import EngineFailed, ModelCorrupt, ModelMissing

STYLES = np.random.default_rng(0).standard_normal((3, STYLE_ROWS, STYLE_WIDTH)).astype(np.float32)


def test_the_version_changes_with_every_weight_and_parameter() -> None:
    base = make_voice("matched", np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    others = [
        make_voice("matched", np.array([0.5, 0.4]), np.array([1.0, 0.0])),
        make_voice("matched", np.array([1.0, 0.0]), np.array([0.5, 0.5])),
        make_voice("matched", np.array([0.5, 0.5]), np.array([1.0, 0.0]), {"speed": 1.1}),
    ]
    assert len({base.version, *(voice.version for voice in others)}) == 4
    assert make_voice("matched", np.array([0.5, 0.5]), np.array([1.0, 0.0])).version == base.version


def test_timbre_and_prosody_come_from_their_own_weights() -> None:
    voice = make_voice("matched", np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5]))
    style = style_of(voice, STYLES, 7)
    assert style.shape == (1, STYLE_WIDTH)
    assert np.allclose(style[0, :TIMBRE_WIDTH], STYLES[0, 7, :TIMBRE_WIDTH])
    assert np.allclose(style[0, TIMBRE_WIDTH:], STYLES[1:, 7, TIMBRE_WIDTH:].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    "voice",
    [
        make_voice("matched", np.ones(2), np.ones(2)),
        make_voice("matched", np.array([np.nan, 0, 0]), np.ones(3)),
        Voice("cloned", "xtts", {"timbre": np.ones(3), "prosody": np.ones(3)}, "x"),
        Voice("stock", "kokoro", {}, "x"),
    ],
)
def test_a_voice_of_another_engine_or_size_is_refused(voice: Voice) -> None:
    with pytest.raises(EngineFailed):
        style_of(voice, STYLES, 0)


def test_voices_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    for n, name in enumerate(("af_a", "bm_b")):
        STYLES[n].tofile(tmp_path / f"{name}.bin")
    names, styles = read_styles(tmp_path, ("bm_b", "af_a"))
    assert names == ("bm_b", "af_a")
    assert np.array_equal(styles[0], STYLES[1])


def test_a_missing_and_a_damaged_voice_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "af_cut.bin").write_bytes(b"\0" * 100)
    with pytest.raises(ModelCorrupt):
        read_styles(tmp_path)
    with pytest.raises(ModelMissing):
        read_styles(tmp_path, ("af_absent",))


def test_the_shipped_facts_describe_54_voices_and_their_origin() -> None:
    facts = read_stock_facts()
    assert facts.embeddings.shape == (54, 256) and len(facts.model_sha256) == 64 and facts.encoder
    assert np.allclose(np.linalg.norm(facts.embeddings, axis=1), 1, atol=1e-3)
    assert ((facts.f0_hz > 70) & (facts.f0_hz < 400)).all()
    for language, name in DEFAULT_VOICES.items():
        assert facts.names.index(name) in facts.natives(language)
