"""How Sinch signs a callback. Pure.

Source: Sinch SMS API reference, "Webhooks", HMAC; the checks in Sinch's SDKs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

ALGORITHM = "HmacSHA256"


def signature_headers(secret: str, body: bytes, *, nonce: str, timestamp: int) -> dict[str, str]:
    """The four headers; ``timestamp`` in Unix seconds."""
    message = b".".join((body, nonce.encode(), str(timestamp).encode()))
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return {
        "x-sinch-webhook-signature": base64.b64encode(digest).decode(),
        "x-sinch-webhook-signature-algorithm": ALGORITHM,
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": str(timestamp),
    }
