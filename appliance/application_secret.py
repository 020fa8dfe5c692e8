"""What is derived from an application's secret: user tokens are signed with the secret itself, webhooks with a key of
their own, so that a receiver of webhooks cannot make user tokens."""

import base64
import hashlib
import hmac
import secrets

_WEBHOOK_PURPOSE = b"meeshy webhooks v1"


def new_secret() -> str:
    """Return a fresh secret of 256 bits as hex digits."""
    return secrets.token_hex(32)


def webhook_key(token_secret: str) -> bytes:
    """Return the 32 bytes that the application's webhooks are signed with."""
    return hmac.digest(token_secret.encode(), _WEBHOOK_PURPOSE, hashlib.sha256)


def webhook_secret(token_secret: str) -> str:
    """Return the webhook key as the Standard Webhooks libraries take it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(webhook_key(token_secret)).decode()
