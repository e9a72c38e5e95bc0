"""A strict fake of Sinch's XMS API on loopback: it refuses what Sinch refuses, and breaks on demand."""

from sandbox.sinch.callbacks import AS_IT_HAPPENS, Attempt, Callback, Fate, Travel
from sandbox.sinch.faults import (
    CutAnswer,
    Fault,
    Invisible,
    NoReferenceFilter,
    OddAnswer,
    OddBody,
    Reset,
    Slow,
    Stall,
    Status,
    gateway_trouble,
    out_of_service,
    rate_limited,
)
from sandbox.sinch.inbounds import Inbound, InboundMedia
from sandbox.sinch.lives import AT_ONCE, NO_LAST_WORD, Script, State
from sandbox.sinch.phones import PhoneMessage
from sandbox.sinch.readings import (
    LateCancel,
    LateUpdate,
    MediaFailure,
    NameTaken,
    OtherPlan,
    Readings,
    ReferenceFilter,
    RefusalBody,
    StrictValidation,
)
from sandbox.sinch.refusals import Shape
from sandbox.sinch.routes import Operation
from sandbox.sinch.server import FakeSinch, RequestSeen

__all__ = [
    "AS_IT_HAPPENS",
    "AT_ONCE",
    "NO_LAST_WORD",
    "Attempt",
    "Callback",
    "CutAnswer",
    "FakeSinch",
    "Fate",
    "Fault",
    "Inbound",
    "InboundMedia",
    "Invisible",
    "LateCancel",
    "LateUpdate",
    "MediaFailure",
    "NameTaken",
    "NoReferenceFilter",
    "OddAnswer",
    "OddBody",
    "Operation",
    "OtherPlan",
    "PhoneMessage",
    "Readings",
    "ReferenceFilter",
    "RefusalBody",
    "RequestSeen",
    "Reset",
    "Script",
    "Shape",
    "Slow",
    "Stall",
    "State",
    "Status",
    "StrictValidation",
    "Travel",
    "gateway_trouble",
    "out_of_service",
    "rate_limited",
]
