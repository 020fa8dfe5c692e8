import pytest

from appliance.audio.decoder import DecoderPool
from appliance.audio.process import DecodeLimits


@pytest.fixture(scope="module")
def decoder():
    # Half of what the appliance allows by default: the bombs must not come near it.
    with DecoderPool(DecodeLimits(memory_bytes=1 << 29)) as pool:
        yield pool
