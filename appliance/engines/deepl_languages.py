"""DeepL's language codes (developers.deepl.com, "Supported languages"), as far as this appliance knows the language."""

from appliance.errors import NoRoute

_SAME = "ar bg cs da de el en es et fi fr he hu id it ja ko lt lv nl pl pt ro ru sk sl sv tr uk vi zh"

# Norwegian is Bokmål there; Whisper and this appliance say "no".
_SOURCES: dict[str, str] = {**{tag: tag.upper() for tag in _SAME.split()}, "no": "NB"}

# Targets must name a variant: EN and PT alone are kept "for backward compatibility; please select" one.
_TARGETS: dict[str, str] = {
    **_SOURCES,
    "en": "EN-US", "en-us": "EN-US", "en-gb": "EN-GB", "pt": "PT-PT", "pt-pt": "PT-PT", "pt-br": "PT-BR",
    "zh": "ZH-HANS", "zh-hans": "ZH-HANS", "zh-hant": "ZH-HANT",
}  # fmt: skip

LANGUAGES: frozenset[str] = frozenset(_SOURCES)
"""The primary BCP-47 tags that DeepL translates from and to."""


def source_code(tag: str) -> str:
    """Return DeepL's code of a source language, or raise NoRoute."""
    try:
        return _SOURCES[tag.lower().split("-")[0]]
    except KeyError:
        raise NoRoute(f"DeepL does not translate from '{tag[:35]}'.") from None


def target_code(tag: str) -> str:
    """Return DeepL's code of a target language with its variant, or raise NoRoute."""
    code = _TARGETS.get(tag.lower()) or _TARGETS.get(tag.lower().split("-")[0])
    if code is None:
        raise NoRoute(f"DeepL does not translate to '{tag[:35]}'.")
    return code


def target_codes() -> frozenset[str]:
    """Return every code that may stand in `target_lang`."""
    return frozenset(_TARGETS.values())


def source_codes() -> frozenset[str]:
    """Return every code that may stand in `source_lang`."""
    return frozenset(_SOURCES.values())
