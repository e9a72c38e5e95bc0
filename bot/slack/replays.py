"""Which payloads were here before: a captured request that is played again changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections import deque

from bot.clock import Clock

SEEN_FOR_S = 600.0  # a captured request stays valid for 5 minutes, and its time may be as far ahead
SEEN_MAX = 50_000
_GENERATION_S = 60.0  # what is forgotten is forgotten by the minute
_DIGEST_BYTES = 16


class Replays:
    """Remembers payloads for ``SEEN_FOR_S``, at most ``SEEN_MAX`` of them: then the oldest minute goes first.

    Only digests are kept: what somebody typed is nobody's business here, and is long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._generations: deque[tuple[float, set[bytes]]] = deque()

    def is_repeat(self, *parts: str) -> bool:
        """True if a payload with just these parts was here before; it is remembered from now on."""
        self._forget()
        key = hashlib.blake2b(json.dumps(parts).encode(), digest_size=_DIGEST_BYTES).digest()
        if any(key in seen for _, seen in self._generations):
            return True
        self._youngest().add(key)
        return False

    def _forget(self) -> None:
        end = self._clock.monotonic() - SEEN_FOR_S - _GENERATION_S
        generations = self._generations
        while generations and (generations[0][0] < end or sum(len(seen) for _, seen in generations) > SEEN_MAX):
            generations.popleft()

    def _youngest(self) -> set[bytes]:
        now = self._clock.monotonic()
        if not self._generations or self._generations[-1][0] <= now - _GENERATION_S:
            self._generations.append((now, set()))
        return self._generations[-1][1]
