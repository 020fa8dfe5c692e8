"""Makes `appliance/engines/kokoro_stock.npz`: each Kokoro stock voice's speaker embedding and pitch.

    python -m appliance.voices.build_stock --models-dir ~/.cache/meeshy/models

Every voice says one English sentence, whatever its own language, so that differences are the voice's and not the
text's. The file holds the hash of the model and the encoder's key: facts of other weights are another file. Takes
about four minutes on one core.
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from appliance.engines.kokoro import RATE_HZ, open_session
from appliance.engines.kokoro_styles import STOCK_FACTS, read_styles
from appliance.engines.kokoro_text import Phonemes
from appliance.engines.pitch import median_f0_hz
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakerEncoder
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.errors import MeeshyError
from appliance.voices.measures import to_speech_rate

SENTENCE = "The old clock in the hall struck nine, and we walked home through a quiet garden."


def stock_clips(model: Path, voices: Path, threads: int = 1) -> tuple[tuple[str, ...], list[Samples]]:
    """Return the stock voices' names and each one's reading of SENTENCE at 16 kHz."""
    names, styles = read_styles(voices)
    (chunk,) = Phonemes().chunks(SENTENCE, "en")
    tokens = np.array([[0, *chunk.tokens, 0]], np.int64)
    session = open_session(model, threads)
    clips = []
    for style in styles[:, len(chunk.tokens) - 1]:
        feed = {"tokens": tokens, "style": style[None], "speed": np.ones(1, np.float32)}
        clips.append(to_speech_rate(session.run(["audio"], feed)[0].reshape(-1), RATE_HZ))
    return names, clips


def write_facts(
    names: Sequence[str], clips: Sequence[Samples], model_sha256: str, encoder: SpeakerEncoder, target: Path
) -> None:
    """Write names, embeddings float16 [voices, 256], median F0 in Hz and provenance, or raise the encoder's error."""
    embeddings = encoder.embed(clips)
    for found in embeddings:
        if isinstance(found, MeeshyError):
            raise found
    np.savez_compressed(
        target,
        names=np.array(names),
        embeddings=np.stack(embeddings).astype(np.float16),
        f0_hz=np.array([median_f0_hz(clip, SPEECH_RATE_HZ) or np.nan for clip in clips], np.float32),
        model_sha256=model_sha256,
        encoder=encoder.identity().key,
        sentence=SENTENCE,
    )


def main() -> None:
    """Build the file from the starter models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--target", type=Path, default=STOCK_FACTS)
    chosen = parser.parse_args()
    kokoro = chosen.models_dir / "kokoro-82m-int8"
    encoder = ResemblyzerEncoder(chosen.models_dir / "speaker-encoder" / "pretrained.pt")
    model = kokoro / "model.onnx"
    names, clips = stock_clips(model, kokoro / "voices")
    write_facts(names, clips, hashlib.sha256(model.read_bytes()).hexdigest(), encoder, chosen.target)


if __name__ == "__main__":
    main()
