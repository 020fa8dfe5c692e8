"""A network between two training runs, with the vocabulary that it was trained on."""

from dataclasses import dataclass
from pathlib import Path

import sentencepiece
import torch
from transformers import MarianMTModel

from models.packs.architecture import build_model


@dataclass
class Checkpoint:
    """A network with the vocabulary that it reads and writes."""

    vocabulary: bytes
    network: MarianMTModel

    @property
    def pieces(self) -> sentencepiece.SentencePieceProcessor:
        """Load the vocabulary."""
        return sentencepiece.SentencePieceProcessor(model_proto=self.vocabulary)

    def save(self, path: Path) -> None:
        """Write the checkpoint over `path` in one step."""
        unfinished = path.with_suffix(".part")
        torch.save({"vocabulary": self.vocabulary, "weights": self.network.state_dict()}, unfinished)
        unfinished.replace(path)

    @classmethod
    def untrained(cls, vocabulary: bytes, dropout: float) -> "Checkpoint":
        """Build a network with random weights for the vocabulary."""
        return cls(vocabulary, build_model(_size(vocabulary), dropout))

    @classmethod
    def load(cls, path: Path, dropout: float) -> "Checkpoint":
        """Read what `save` wrote."""
        saved = torch.load(path, weights_only=True)
        network = build_model(_size(saved["vocabulary"]), dropout)
        network.load_state_dict(saved["weights"])
        return cls(saved["vocabulary"], network)


def _size(vocabulary: bytes) -> int:
    return sentencepiece.SentencePieceProcessor(model_proto=vocabulary).vocab_size()
