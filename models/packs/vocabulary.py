"""The packs' SentencePiece vocabulary: one for the three languages, with a start token for each target."""

import io
from collections.abc import Iterable

import sentencepiece

LANGUAGES = ("en", "fr", "es")
UNK_ID, BOS_ID, EOS_ID = 0, 1, 2
# Every character that the three languages and a recogniser's digits and signs need, seen in the corpus or not.
REQUIRED_CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    "àâäáæçéèêëíîïñóôöœúùûüÿÀÂÄÁÆÇÉÈÊËÍÎÏÑÓÔÖŒÚÙÛÜ.,;:!?¿¡'\"’«»()-–%€$&/@+°"
)


def start_token(language: str) -> str:
    """Return the decoder's first token for a target language."""
    return f"<2{language}>"


def train_vocabulary(sentences: Iterable[str], size: int) -> bytes:
    """Train a unigram vocabulary of at most `size` pieces and return the model file's bytes."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        required_chars=REQUIRED_CHARACTERS,
        control_symbols=[start_token(language) for language in LANGUAGES],
        pad_id=-1,
        unk_id=UNK_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        num_threads=2,
        minloglevel=2,
    )
    return model.getvalue()
