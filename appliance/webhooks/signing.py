"""Signatures as the Standard Webhooks specification defines them (standardwebhooks.com, version 1.0.0)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signed_headers(keys: Sequence[bytes], message_id: str, at_s: float, body: bytes) -> dict[str, str]:
    """Return the three headers of a message: its id, the attempt's time and HMAC-SHA256 over id, time and body.

    With several keys there is a signature by each, separated by spaces: a receiver takes the message when one fits, so
    that a secret can be changed while both sides are at work.
    """
    timestamp = str(int(at_s))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
