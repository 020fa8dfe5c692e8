"""A small XTTS checkpoint with random weights, as files like the real ones; run by the interpreter of its environment.

Two layers of 64 channels say nothing about sound, but the code that runs is the real one. Random weights alone would
give every text and every speaker the same codes: attention and embeddings are scaled until both matter, and the stop
token is made likely enough that utterances end by themselves at different lengths.
"""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

LANGUAGES = ("ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh-cn")
TEXT = (
    "hello i will be ten minutes late please wait for me at the station bonjour je serai en retard de dix minutes "
    "attendez moi à la gare hola llegaré diez minutos tarde espérame en la estación hallo ich komme zehn minuten "
    "später warte bitte am bahnhof abcdefghijklmnopqrstuvwxyz àâçéèêëîïôûùüÿñæœáíóúäöß .,!?'-"
)
UNKNOWN = "[UNK]"
LAYERS, WIDTH, HEADS = 2, 64, 2
AUDIO_CODES, MOST_CODES = 1024, 48
STOP = 2.0
CODE_SAMPLES = 256
"""Of sound at 22,050 Hz per code, a quarter of the real model's: the vocoder has its real size and is slow."""
SPEAKERS = ("Ada", "Ben")


def write(
    folder: Path, *, layers: int = LAYERS, width: int = WIDTH, most_codes: int = MOST_CODES, seed: int = 0
) -> None:
    """Write config.json, model.pth, vocab.json and speakers_xtts.pth into a folder that exists.

    With more codes than MOST_CODES it never ends by itself: an utterance takes them all.
    """
    vocabulary = folder / "vocab.json"
    tokenizer = _tokenizer()
    tokenizer.save(str(vocabulary))
    config = XttsConfig()
    shape = config.model_args
    shape.gpt_layers, shape.gpt_n_model_channels, shape.gpt_n_heads = layers, width, max(HEADS, width // 32)
    shape.gpt_use_perceiver_resampler = True
    shape.gpt_num_audio_tokens = AUDIO_CODES + 2
    shape.gpt_start_audio_token, shape.gpt_stop_audio_token = AUDIO_CODES, AUDIO_CODES + 1
    shape.gpt_max_audio_tokens, shape.decoder_input_dim = most_codes, width
    shape.gpt_code_stride_len = CODE_SAMPLES
    shape.gpt_number_text_tokens = tokenizer.get_vocab_size()
    shape.gpt_start_text_token = tokenizer.token_to_id("[START]")
    shape.gpt_stop_text_token = tokenizer.token_to_id("[STOP]")
    torch.manual_seed(seed)
    model = Xtts(config)
    with torch.no_grad():
        _make_inputs_matter(model.gpt, stop=STOP if most_codes == MOST_CODES else -1e4)
    config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    torch.save({name: _speaker(width) for name in SPEAKERS}, folder / "speakers_xtts.pth")


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[STOP]", UNKNOWN, "[SPACE]", "[START]", *(f"[{language}]" for language in LANGUAGES)]
    tokenizer.train_from_iterator([TEXT] * 10, trainers.BpeTrainer(vocab_size=400, special_tokens=special))
    return tokenizer


def _make_inputs_matter(gpt: torch.nn.Module, stop: float) -> None:
    for name, weights in gpt.gpt.named_parameters():
        if weights.dim() == 2 and ("attn" in name or "mlp" in name):
            weights.mul_(8.0)
    for embedding in (gpt.text_embedding, gpt.text_pos_embedding.emb, gpt.mel_pos_embedding.emb, gpt.mel_head):
        embedding.weight.mul_(5.0)
    gpt.mel_head.bias[gpt.stop_audio_token] += stop


def _speaker(width: int) -> dict[str, torch.Tensor]:
    embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)
    return {"gpt_cond_latent": torch.randn(1, 32, width), "speaker_embedding": embedding}


if __name__ == "__main__":
    write(Path(sys.argv[1]), most_codes=int(sys.argv[2]) if len(sys.argv) > 2 else MOST_CODES)
