"""Builds small, real `.argosmodel` packs that translate word by word from a given dictionary.

Real machinery end to end: a SentencePiece model trained on the spot and a CTranslate2 Transformer saved from its own
specification. The weights are not learned but written down, so the output is known in advance: the one cross-attention
that matters looks at the source position with the decoder's own number, and the output layer maps the word found there
to its translation. Every piece that is not in the dictionary is copied.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ctranslate2
import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec

CODE_WIDTH = 64
WIDTH = 3 * CODE_WIDTH
"""The model's width: one third says which word, one third which position, one third what to write."""
FEED_FORWARD_WIDTH = 32
MOST_POSITIONS = 256
ATTENTION_SHARPNESS = 4.0
OUTPUT_SHARPNESS = 0.2
"""Small enough that the second and third best words keep some probability, so that n-best lists are not empty."""
PUNCTUATION = [".", "!", "?", ",", ";", ":", "¿", "¡", "'"]
_DATED = (2020, 1, 1, 0, 0, 0)

Weights = np.ndarray[Any, np.dtype[np.float32]]


def build_tiny_pack(
    path: Path,
    source: str,
    target: str,
    words: Mapping[str, str],
    *,
    quality: str | None = None,
    version: str = "1.0",
    layers: int = 1,
    extra_metadata: Mapping[str, Any] | None = None,
    never_ends: bool = False,
    target_prefix: str = "",
    extra_files: Mapping[str, bytes] | None = None,
) -> Path:
    """Write an `.argosmodel` for a pair of Argos codes and return its path; equal arguments give equal bytes.

    `words` maps single lower-case words; `layers` above 1 adds encoder and decoder layers that cost time and change
    nothing; `never_ends` makes the model repeat its last word for ever; `quality` is written as `meeshy_quality`.
    """
    metadata: dict[str, Any] = {
        "package_version": version, "argos_version": "1.11", "from_code": source, "from_name": source,
        "to_code": target, "to_name": target, "target_prefix": target_prefix, **(extra_metadata or {}),
    }  # fmt: skip
    if quality is not None:
        metadata["meeshy_quality"] = quality
    tokenizer = _train_tokenizer(words, target_prefix)
    name = f"translate-{source}_{target}-{version.replace('.', '_')}"
    with TemporaryDirectory() as scratch:
        model = Path(scratch) / "model"
        model.mkdir()
        _save_model(model, tokenizer, words, layers=layers, never_ends=never_ends)
        files = {f"model/{file.name}": file.read_bytes() for file in model.iterdir()}
    files |= {"metadata.json": json.dumps(metadata).encode(), "sentencepiece.model": tokenizer, **(extra_files or {})}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file_name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{name}/{file_name}", _DATED), content)
    return path


def _train_tokenizer(words: Mapping[str, str], target_prefix: str) -> bytes:
    """Return a SentencePiece model whose pieces are the dictionary's words, punctuation and single letters."""
    both = sorted(set(words) | set(words.values()))
    symbols = [*PUNCTUATION, *([target_prefix] if target_prefix else []), *(f"▁{word}" for word in both)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(both), "abcdefghijklmnopqrstuvwxyz", *both]), model_writer=model,
        model_type="char", vocab_size=len(symbols) + 100, hard_vocab_limit=False, character_coverage=1.0,
        user_defined_symbols=symbols, pad_id=-1, unk_id=0, bos_id=1, eos_id=2, minloglevel=2, num_threads=1,
    )  # fmt: skip
    return model.getvalue()


def _codes(count: int, seed: int) -> Weights:
    """Return `count` distinct codes of ±1 with as many of one as of the other, so that layer norm keeps them."""
    generator = np.random.default_rng(seed)
    half = np.repeat(np.array([1.0, -1.0], dtype=np.float32), CODE_WIDTH // 2)
    return np.stack([generator.permutation(half) for _ in range(count)])


def _save_model(folder: Path, tokenizer: bytes, words: Mapping[str, str], *, layers: int, never_ends: bool) -> None:
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer)
    pieces = [processor.id_to_piece(index) for index in range(processor.vocab_size())]
    spec = TransformerSpec.from_config((layers, layers), num_heads=1, pre_norm=True)
    word_codes = _codes(len(pieces), seed=1)
    embeddings = np.zeros((len(pieces), WIDTH), dtype=np.float32)
    embeddings[:, :CODE_WIDTH] = word_codes
    positions = np.zeros((MOST_POSITIONS, WIDTH), dtype=np.float32)
    positions[:, CODE_WIDTH : 2 * CODE_WIDTH] = _codes(MOST_POSITIONS, seed=2)
    for side, embedding in ((spec.encoder, spec.encoder.embeddings[0]), (spec.decoder, spec.decoder.embeddings)):
        embedding.weight = embeddings
        side.scale_embeddings = False
        side.position_encodings.encodings = positions
        _neutral_norm(side.layer_norm)
    for layer in spec.encoder.layer:
        _silent_attention(layer.self_attention, inputs=3)
        _silent_feed_forward(layer.ffn)
    for index, layer in enumerate(spec.decoder.layer):
        _silent_attention(layer.self_attention, inputs=3)
        _silent_feed_forward(layer.ffn)
        # Only the last layer writes: the earlier ones see an empty output third and must leave it so.
        _copying_attention(layer.attention, writes=index == layers - 1)
    spec.decoder.projection.weight = _output_layer(pieces, word_codes, words, never_ends=never_ends)
    spec.config.add_source_eos = True
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    assert ctranslate2.contains_model(str(folder))


def _output_layer(pieces: list[str], codes: Weights, words: Mapping[str, str], *, never_ends: bool) -> Weights:
    """Return the projection whose row for each piece answers to the code of the piece that it translates."""
    weight = np.zeros((len(pieces), WIDTH), dtype=np.float32)
    weight[:, 2 * CODE_WIDTH :] = codes
    place = {piece: index for index, piece in enumerate(pieces)}
    for word, translation in words.items():
        if word != translation:
            weight[place[f"▁{translation}"], 2 * CODE_WIDTH :] += codes[place[f"▁{word}"]]
            weight[place[f"▁{word}"], 2 * CODE_WIDTH :] -= codes[place[f"▁{word}"]]
    if never_ends:
        weight[place["</s>"], :] = 0
        weight[place["."], 2 * CODE_WIDTH :] += codes[place["</s>"]]
    return weight * np.float32(OUTPUT_SHARPNESS)


def _neutral_norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, dtype=np.float32), np.zeros(WIDTH, dtype=np.float32)


def _linear(layer: Any, weight: Weights) -> None:
    layer.weight, layer.bias = weight, np.zeros(len(weight), dtype=np.float32)


def _silent_attention(attention: Any, inputs: int) -> None:
    _neutral_norm(attention.layer_norm)
    _linear(attention.linear[0], np.zeros((inputs * WIDTH, WIDTH), dtype=np.float32))
    _linear(attention.linear[1], np.zeros((WIDTH, WIDTH), dtype=np.float32))


def _silent_feed_forward(feed_forward: Any) -> None:
    _neutral_norm(feed_forward.layer_norm)
    _linear(feed_forward.linear_0, np.zeros((FEED_FORWARD_WIDTH, WIDTH), dtype=np.float32))
    _linear(feed_forward.linear_1, np.zeros((WIDTH, FEED_FORWARD_WIDTH), dtype=np.float32))


def _copying_attention(attention: Any, *, writes: bool) -> None:
    """Make each decoder position attend to the encoder position with its own number and write that word's code."""
    word, position, output = (slice(third * CODE_WIDTH, (third + 1) * CODE_WIDTH) for third in range(3))
    identity = np.eye(CODE_WIDTH, dtype=np.float32)
    query, key, value, out = (np.zeros((WIDTH, WIDTH), dtype=np.float32) for _ in range(4))
    query[position, position] = identity * ATTENTION_SHARPNESS
    key[position, position] = identity
    value[word, word] = identity
    out[output, word] = identity * float(writes)
    _neutral_norm(attention.layer_norm)
    _linear(attention.linear[0], query)
    _linear(attention.linear[1], np.concatenate([key, value]))
    _linear(attention.linear[2], out)
