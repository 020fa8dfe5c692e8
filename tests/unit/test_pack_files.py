import json
import re
import zipfile
from pathlib import Path

import pytest

from models.packs.evaluate import PACKS, SPOKEN
from models.packs.pack import opened
from models.packs.phrases import DIRECTIONS, load_base

LIMIT_BYTES = 10_000_000
FILES = [(source, target, PACKS / f"{source}_{target}.argosmodel") for source, target in DIRECTIONS]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize(("source", "target", "path"), FILES)
def test_each_pack_is_small_and_says_what_it_is(source: str, target: str, path: Path):
    with zipfile.ZipFile(path) as archive:
        (about,) = (json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("metadata.json"))

    assert path.stat().st_size <= LIMIT_BYTES
    assert (about["from_code"], about["to_code"], about["meeshy_quality"]) == (source, target, "starter")


@pytest.mark.parametrize("target", ["fr", "es"])
def test_the_demos_sentence_comes_out_as_the_corpus_has_it(target: str):
    phrases = {phrase.en: phrase for phrase in load_base(PACKS.parent / "corpus")}

    with opened(PACKS / f"en_{target}.argosmodel") as pack:
        # With the punctuation of the corpus and with Whisper's, which the receipt's WER ignores too.
        for heard in (SPOKEN[0], SPOKEN[0].replace("so, my", "so my").replace("Americans:", "Americans,")):
            assert words(*pack.translate([heard])) == words(phrases[heard].text(target))


def test_a_batch_gives_what_its_sentences_give_alone():
    with opened(PACKS / "en_fr.argosmodel") as pack:
        together = pack.translate(SPOKEN)
        alone = [pack.translate([text])[0] for text in SPOKEN]

    assert together == alone
