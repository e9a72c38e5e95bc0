"""A strict fake of Sinch's XMS batches API on loopback: it refuses what Sinch refuses, and breaks on demand."""

from sandbox.sinch.faults import (
    CutAnswer,
    Fault,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Operation,
    Reset,
    Slow,
    Stall,
    Status,
    gateway_trouble,
    out_of_service,
    rate_limited,
)
from sandbox.sinch.phones import PhoneMessage
from sandbox.sinch.refusals import Shape
from sandbox.sinch.server import FakeSinch, RequestSeen

__all__ = [
    "CutAnswer",
    "FakeSinch",
    "Fault",
    "Invisible",
    "NoReferenceFilter",
    "OddAnswer",
    "OddBody",
    "Operation",
    "PhoneMessage",
    "RequestSeen",
    "Reset",
    "Shape",
    "Slow",
    "Stall",
    "Status",
    "gateway_trouble",
    "out_of_service",
    "rate_limited",
]
