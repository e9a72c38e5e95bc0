"""Is it Slack that speaks? Checked on the raw bytes, before anything is parsed. Pure."""

from __future__ import annotations

import hmac

from bot.secret import Secret

WINDOW_S = 300  # Slack, "Verifying requests": five minutes, either way
_LONGEST_TIMESTAMP = 12  # digits; more can only be nonsense


def is_from_slack(body: bytes, *, timestamp: str | None, signature: str | None, secret: Secret, now: float) -> bool:
    """True if ``signature`` (``v0=`` and hex HMAC-SHA-256 of ``v0:timestamp:body``) fits and is fresh.

    Args:
        now: seconds since 1970.
    """
    if not timestamp or not signature:
        return False
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _LONGEST_TIMESTAMP:
        return False
    if abs(now - int(timestamp)) > WINDOW_S:
        return False
    # In one call: it does not let go of the interpreter on the way, so that nobody else has to give it back first.
    digest = hmac.digest(secret.reveal().encode(), b"v0:" + timestamp.encode() + b":" + body, "sha256")
    return hmac.compare_digest(b"v0=" + digest.hex().encode(), signature.encode("utf-8", "surrogateescape"))
