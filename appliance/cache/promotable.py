"""What may become the site's at all, however many say it: short sentences without anything that looks like a number of
somebody's, an address or a link."""

import re

LONGEST_CHARACTERS = 160
MOST_DIGITS = 4
"""A year and a time of day have four; telephone numbers, accounts and card numbers have more."""
_ADDRESS = re.compile(r"@|://|\bwww\.|\b\w+\.(?:com|org|net|io|eu|fr|de|es|it|uk)\b", re.IGNORECASE)


def is_promotable(text: str) -> bool:
    """Return whether a text may become a phrase of the library once enough people have said it."""
    return (
        0 < len(text.strip()) <= LONGEST_CHARACTERS
        and sum(character.isdigit() for character in text) <= MOST_DIGITS
        and not _ADDRESS.search(text)
    )
