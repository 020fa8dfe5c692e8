"""Signatures as the Standard Webhooks specification defines them (standardwebhooks.com, version 1.0.0)."""

import base64
import hashlib
import hmac


def signed_headers(key: bytes, message_id: str, at_s: float, body: bytes) -> dict[str, str]:
    """Return the three headers of a message: its id, the attempt's time and HMAC-SHA256 over id, time and body."""
    timestamp = str(int(at_s))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}
