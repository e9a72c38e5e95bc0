"""Values that Sinch answers with. No I/O. Unknown fields are ignored; what the API may leave out is None."""

from __future__ import annotations

from sinch._models.batches import Batch, BatchType, DryRun, DryRunRecipient, Encoding, MediaBody, ReportType
from sinch._models.groups import AutoUpdate, Group, Keywords, read_members
from sinch._models.inbounds import (
    Inbound,
    InboundBinary,
    InboundMedia,
    InboundMediaBody,
    InboundMedium,
    InboundText,
    MediumStatus,
    read_inbound,
)
from sinch._models.pages import Page, read_page
from sinch._models.reports import BatchDeliveryReport, DeliveryStatus, RecipientDeliveryReport, StatusCount

__all__ = [
    "AutoUpdate",
    "Batch",
    "BatchDeliveryReport",
    "BatchType",
    "DeliveryStatus",
    "DryRun",
    "DryRunRecipient",
    "Encoding",
    "Group",
    "Inbound",
    "InboundBinary",
    "InboundMedia",
    "InboundMediaBody",
    "InboundMedium",
    "InboundText",
    "Keywords",
    "MediaBody",
    "MediumStatus",
    "Page",
    "RecipientDeliveryReport",
    "ReportType",
    "StatusCount",
    "read_inbound",
    "read_members",
    "read_page",
]
