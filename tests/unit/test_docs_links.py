"""Links lead somewhere, and nothing names a registry host or a place on one machine."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSED_OVER = {"node_modules", "__pycache__"}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".sh", ".yml", ".yaml", ".json", ".tsv", ".mako", ".cfg", ".in", ""}
# In pieces, so that this file does not name them itself.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian.org", "hugging" + "face.co/")
PLACES = ("/work" + "/main", "/work" + "/shared", "/work" + "/.library")
PASSING_PLACES = ("/" + "tmp/", "/" + "root/", "/" + "home/")


def files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in inside)
        if path.is_file() and not hidden and not PASSED_OVER & set(inside) and path.suffix in TEXT_SUFFIXES:
            yield path


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
