"""Links lead somewhere, and nothing names a registry host or a place on one machine."""

import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".sh", ".yml", ".yaml", ".json", ".tsv", ".mako", ".cfg", ".in", ""}
# In pieces, so that this file does not name them itself.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org", "hugging" + "face.co/")
PLACES = ("/work" + "/main", "/work" + "/shared", "/work" + "/.library")
PASSING_PLACES = ("/" + "tmp/", "/" + "root/", "/" + "home/")


@functools.cache
def files() -> tuple[Path, ...]:
    """Return the text files of the checkout, without hidden folders such as the environment."""
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".") or path.name == ".ci"]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    return tuple(sorted(p for p in found if p.suffix in TEXT_SUFFIXES and "__pycache__" not in p.parts and p.is_file()))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_relative_link_leads_to_a_file_and_a_heading():
    for document in (path for path in files() if path.suffix == ".md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            linked = (document.parent / name).resolve() if name else document
            assert linked.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors(linked), f"{document.name}: {target}"


def test_every_document_is_in_the_index():
    index = (ROOT / "docs/index.md").read_text()

    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index + "(index.md)"]


def test_no_file_names_a_registry_host_or_a_place_on_one_machine():
    for path in files():
        text = path.read_text(errors="replace")
        patterns = HOSTS + PLACES + (PASSING_PLACES if path.suffix == ".md" else ())
        assert not [pattern for pattern in patterns if pattern in text], path.relative_to(ROOT)
