"""Makes `appliance/engines/kokoro_stock.npz`: how each of Kokoro's stock voices sounds to the speaker encoder, and its pitch.

    python -m appliance.voices.build_stock --models-dir ~/.cache/meeshy/models

Every voice says one English sentence, whatever its own language, so that differences are the voice's and not the text's. The file
holds the hash of the model and the encoder's key: facts of other weights are another file. Takes about four minutes on one core.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from appliance.engines.kokoro import RATE_HZ, open_session
from appliance.engines.kokoro_styles import STOCK_FACTS, read_styles
from appliance.engines.kokoro_text import Phonemes
from appliance.engines.pitch import median_f0_hz
from appliance.engines.protocols import SpeakerEncoder
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.voices.measures import to_speech_rate

SENTENCE = "The old clock in the hall struck nine, and we walked home through a quiet garden."


def build_stock(model: Path, voices: Path, encoder: SpeakerEncoder, target: Path = STOCK_FACTS, threads: int = 1) -> None:
    """Let every stock voice speak once and write the facts: names, embeddings float16 [voices, 256], F0 in Hz, provenance."""
    names, styles = read_styles(voices)
    (chunk,) = Phonemes().chunks(SENTENCE, "en")
    tokens = np.array([[0, *chunk.tokens, 0]], np.int64)
    session = open_session(model, threads)
    clips = []
    for style in styles[:, len(chunk.tokens) - 1]:
        feed = {"tokens": tokens, "style": style[None], "speed": np.ones(1, np.float32)}
        clips.append(to_speech_rate(session.run(["audio"], feed)[0].reshape(-1), RATE_HZ))
    embeddings = encoder.embed(clips)
    failed = [(name, found) for name, found in zip(names, embeddings, strict=True) if isinstance(found, Exception)]
    if failed:
        raise failed[0][1]
    np.savez_compressed(
        target,
        names=np.array(names),
        embeddings=np.stack(embeddings).astype(np.float16),
        f0_hz=np.array([median_f0_hz(clip, 16_000) or np.nan for clip in clips], np.float32),
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
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
    build_stock(kokoro / "model.onnx", kokoro / "voices", encoder, chosen.target)


if __name__ == "__main__":
    main()
