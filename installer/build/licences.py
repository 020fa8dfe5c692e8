"""The folder `licences/`: who wrote what under which terms, the texts, and the offer of sources."""

from collections.abc import Mapping, Sequence

from installer.bundle.metadata import Component

UNSTATED = "see its "
"""How a licence begins that only the component's own files tell."""
COPYLEFT = ("GPL", "MPL", "EPL", "CDDL", "EUPL")


def licence_files(components: Sequence[Component], texts: Mapping[str, bytes], offer: str) -> dict[str, bytes]:
    """Return the folder's files by path; `texts` are those of the components, below `licences/`.

    The offer names every component whose licence asks for its source to be on offer, and those that do not say in a way
    that can be read: an offer too many harms nobody.
    """
    rows = ["kind\tname\tversion\tlicence", *("\t".join(_row(each)) for each in _sorted(components))]
    owed = [each for each in _sorted(components) if any(word in each.licence for word in (*COPYLEFT, UNSTATED))]
    listed = [f"  {each.kind} {each.name} {each.version}: {each.licence}" for each in owed]
    return {
        "licences/INDEX.tsv": ("\n".join(rows) + "\n").encode(),
        "licences/SOURCE-OFFER.txt": "\n".join([offer.strip(), "", *listed, ""]).encode(),
        **{f"licences/{path}": text for path, text in texts.items()},
    }


def _row(each: Component) -> tuple[str, str, str, str]:
    return each.kind, each.name, each.version, " ".join(each.licence.split())


def _sorted(components: Sequence[Component]) -> list[Component]:
    return sorted(components, key=lambda each: each.key)
