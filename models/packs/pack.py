"""A starter pack opened for measuring: its CTranslate2 model and its SentencePiece vocabulary, nothing else."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import sentencepiece

BEAM = 4


@dataclass(frozen=True)
class Pack:
    """One direction's loaded model; the appliance itself loads packs through Argos Translate instead."""

    source: str
    target: str
    quality: str
    translator: ctranslate2.Translator
    pieces: sentencepiece.SentencePieceProcessor

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate each text as one sequence, all in one call."""
        encoded = self.pieces.encode(list(texts), out_type=str)
        results = self.translator.translate_batch(
            encoded, beam_size=BEAM, max_batch_size=1024, batch_type="tokens", max_decoding_length=200
        )
        return [self.pieces.decode(result.hypotheses[0]) for result in results]


@contextmanager
def opened(path: Path) -> Iterator[Pack]:
    """Load the `.argosmodel` file at `path`; its unpacked copy lasts as long as the block."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        (root,) = (entry for entry in Path(folder).iterdir() if entry.is_dir())
        about = json.loads((root / "metadata.json").read_text(encoding="utf-8"))
        translator = ctranslate2.Translator(str(root / "model"), device="cpu", inter_threads=1, intra_threads=1)
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(root / "sentencepiece.model"))
        yield Pack(about["from_code"], about["to_code"], about.get("meeshy_quality", ""), translator, pieces)
