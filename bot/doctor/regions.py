"""Where a service plan may live."""

from __future__ import annotations

import re

REGIONS = ("us", "eu", "au", "br", "ca")  # Sinch SMS API, "Base URL"
_BASE = re.compile(r"https://(?:" + "|".join(REGIONS) + r")\.sms\.api\.sinch\.com")


def base_url(region: str) -> str:
    return f"https://{region}.sms.api.sinch.com"


def other_regions(base: str) -> tuple[str, ...]:
    """Where else the plan could live; nowhere if the address is not one of Sinch's own."""
    if not _BASE.fullmatch(base):
        return ()
    return tuple(other for other in map(base_url, REGIONS) if other != base)
