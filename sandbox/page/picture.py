"""Pictures on the phones. Nothing leaves this machine, so an address is not fetched: a picture is drawn from it."""

from __future__ import annotations

import hashlib

DIGITS = 12
_SKIES = ("#d9ecff", "#ffe9d6", "#e6f4e1", "#efe6ff", "#fff3c9")
_HILLS = ("#3d7a66", "#7a5a3d", "#3d577a", "#6b3d7a", "#7a3d4a")


def name(url: str) -> str:
    """The picture's name on this page."""
    return hashlib.sha256(url.encode()).hexdigest()[:DIGITS]


def drawn(digits: str) -> str:
    """An SVG, always the same for the same name.

    Raises:
        ValueError: that is no name of a picture.
    """
    if len(digits) != DIGITS:
        raise ValueError("no name of a picture")
    number = int(digits, 16)
    sky, hill = _SKIES[number % 5], _HILLS[number // 5 % 5]
    x, y, peak = 60 + number // 25 % 200, 40 + number // 5000 % 30, 90 + number // 150000 % 50
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" role="img">'
        f'<rect width="320" height="200" fill="{sky}"/><circle cx="{x}" cy="{y}" r="22" fill="#f2b84b"/>'
        f'<path d="M0 200 L0 150 Q80 {peak} 160 140 T320 120 L320 200 Z" fill="{hill}"/>'
        f'<path d="M0 200 L0 175 Q120 {peak + 40} 220 170 T320 165 L320 200 Z" fill="{hill}" opacity=".6"/>'
        '<rect x="128" y="112" width="64" height="48" rx="4" fill="#c98f4e"/>'
        '<path d="M128 126 H192 M160 112 V160" stroke="#8a5a22" stroke-width="4"/></svg>'
    )
