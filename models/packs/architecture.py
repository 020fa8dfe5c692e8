"""The starter packs' network: a small Marian transformer that starts its decoder with the target language's token."""

from transformers import MarianConfig, MarianMTModel

from models.packs.vocabulary import BOS_ID, EOS_ID

WIDTH = 192
ENCODER_LAYERS = 3
DECODER_LAYERS = 2
HEADS = 4
FEED_FORWARD = 768
POSITIONS = 256


def build_model(vocabulary_size: int, dropout: float) -> MarianMTModel:
    """Build an untrained network of about 3 million weights; the padding id follows the last piece's."""
    return MarianMTModel(
        MarianConfig(
            vocab_size=vocabulary_size + 1,
            d_model=WIDTH,
            encoder_layers=ENCODER_LAYERS,
            decoder_layers=DECODER_LAYERS,
            encoder_attention_heads=HEADS,
            decoder_attention_heads=HEADS,
            encoder_ffn_dim=FEED_FORWARD,
            decoder_ffn_dim=FEED_FORWARD,
            max_position_embeddings=POSITIONS,
            dropout=dropout,
            attention_dropout=0.0,
            activation_dropout=0.0,
            pad_token_id=vocabulary_size,
            bos_token_id=BOS_ID,
            eos_token_id=EOS_ID,
            decoder_start_token_id=BOS_ID,
            forced_eos_token_id=None,
            scale_embedding=True,
            activation_function="relu",
            share_encoder_decoder_embeddings=True,
            tie_word_embeddings=True,
        )
    )
