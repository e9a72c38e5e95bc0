"""An async client for Sinch's XMS batches: send an SMS or an MMS, and look it up. Knows nothing of Slack."""

from __future__ import annotations

from sinch._batches import Batches
from sinch._client import US_BASE_URL, Sinch
from sinch._errors import (
    AnswerLost,
    AnswerLostKind,
    BadAnswer,
    ConnectionFailed,
    ConnectionFailedKind,
    RateLimited,
    SinchError,
    StatusError,
)
from sinch._models import Batch

__all__ = [
    "US_BASE_URL",
    "AnswerLost",
    "AnswerLostKind",
    "BadAnswer",
    "Batch",
    "Batches",
    "ConnectionFailed",
    "ConnectionFailedKind",
    "RateLimited",
    "Sinch",
    "SinchError",
    "StatusError",
]
