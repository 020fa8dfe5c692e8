"""From a trained network to a CTranslate2 int8 model."""

import copy
from pathlib import Path

import sentencepiece
from ctranslate2.converters.transformers import MarianMTLoader
from transformers import MarianMTModel

from models.packs.vocabulary import BOS_ID, EOS_ID, UNK_ID, start_token


def save_int8(network: MarianMTModel, pieces: sentencepiece.SentencePieceProcessor, target: str, folder: Path) -> None:
    """Write `network` as a CTranslate2 model that always answers in the language `target`; `folder` must not exist."""
    # CTranslate2 quantizes in place, in the memory that its spec shares with the network: it gets a copy.
    spec = MarianMTLoader().get_model_spec(copy.deepcopy(network))
    # Marian's own models start from a zero vector; ours from the target language's embedding.
    spec.decoder.start_from_zero_embedding = False
    tokens = [pieces.id_to_piece(index) for index in range(pieces.vocab_size())]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = tokens[UNK_ID], tokens[BOS_ID], tokens[EOS_ID]
    spec.config.decoder_start_token = start_token(target)
    spec.config.add_source_eos = True
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))
