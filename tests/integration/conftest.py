"""What several of these tests need."""

from collections.abc import Iterator

import pytest

from appliance.audio.decoder import DecoderPool


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderPool]:
    """Children that decode, for all tests of a file: to start them takes longer than a test."""
    with DecoderPool() as pool:
        yield pool
