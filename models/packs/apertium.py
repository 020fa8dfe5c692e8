"""Debian's Apertium as a yardstick for Spanish: a rule-based translator that has not seen our corpus."""

import shutil
import subprocess
from collections.abc import Sequence

MODES = {("en", "es"): "eng-spa", ("es", "en"): "spa-eng"}
DEBIAN_PACKAGES = ("apertium", "apertium-eng-spa")
TIME_LIMIT_S = 120


def available(source: str, target: str) -> bool:
    """Tell whether this machine's Apertium has a mode for the direction."""
    mode = MODES.get((source, target))
    if mode is None or shutil.which("apertium") is None:
        return False
    listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    return mode in listed.stdout.split()


def translate(texts: Sequence[str], source: str, target: str) -> list[str]:
    """Translate the texts in one call; raises `CalledProcessError` where Apertium fails."""
    # A blank line keeps neighbours apart; -u leaves the star off unknown words.
    result = subprocess.run(
        ["apertium", "-u", MODES[source, target]],
        input="\n\n".join(texts) + "\n",
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=True,
    )
    translated = [text.strip() for text in result.stdout.strip("\n").split("\n\n")]
    if len(translated) != len(texts):
        raise ValueError(f"Apertium answered {len(translated)} texts for {len(texts)}")
    return translated
