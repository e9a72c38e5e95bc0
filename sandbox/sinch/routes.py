"""Which operation a path and a verb are. Pure.

Source: Sinch SMS API reference: every operation of batches, delivery reports, inbounds and groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sandbox.sinch.refusals import RefusedError


class Operation(StrEnum):
    SEND = "send"
    DRY_RUN = "dry_run"
    LIST = "list"
    GET = "get"
    UPDATE = "update"
    REPLACE = "replace"
    CANCEL = "cancel"
    DELIVERY_FEEDBACK = "delivery_feedback"
    DELIVERY_REPORT = "delivery_report"
    RECIPIENT_REPORT = "recipient_report"
    LIST_REPORTS = "list_reports"
    LIST_INBOUNDS = "list_inbounds"
    GET_INBOUND = "get_inbound"
    CREATE_GROUP = "create_group"
    LIST_GROUPS = "list_groups"
    GET_GROUP = "get_group"
    LIST_MEMBERS = "list_members"
    UPDATE_GROUP = "update_group"
    REPLACE_GROUP = "replace_group"
    DELETE_GROUP = "delete_group"


_ID = "{id}"
# The first that fits is taken: fixed words stand before IDs.
_ROUTES: tuple[tuple[tuple[str, ...], dict[str, Operation]], ...] = (
    (("batches",), {"POST": Operation.SEND, "GET": Operation.LIST}),
    (("batches", "dry_run"), {"POST": Operation.DRY_RUN}),
    (
        ("batches", _ID),
        {"GET": Operation.GET, "POST": Operation.UPDATE, "PUT": Operation.REPLACE, "DELETE": Operation.CANCEL},
    ),
    (("batches", _ID, "delivery_feedback"), {"POST": Operation.DELIVERY_FEEDBACK}),
    (("batches", _ID, "delivery_report"), {"GET": Operation.DELIVERY_REPORT}),
    (("batches", _ID, "delivery_report", _ID), {"GET": Operation.RECIPIENT_REPORT}),
    (("delivery_reports",), {"GET": Operation.LIST_REPORTS}),
    (("inbounds",), {"GET": Operation.LIST_INBOUNDS}),
    (("inbounds", _ID), {"GET": Operation.GET_INBOUND}),
    (("groups",), {"POST": Operation.CREATE_GROUP, "GET": Operation.LIST_GROUPS}),
    (
        ("groups", _ID),
        {
            "GET": Operation.GET_GROUP,
            "POST": Operation.UPDATE_GROUP,
            "PUT": Operation.REPLACE_GROUP,
            "DELETE": Operation.DELETE_GROUP,
        },
    ),
    (("groups", _ID, "members"), {"GET": Operation.LIST_MEMBERS}),
)


def route(method: str, path: Sequence[str]) -> tuple[Operation, tuple[str, ...]]:
    """The operation, and the IDs in its path; ``path`` is what follows the service plan's ID, decoded.

    Raises:
        RefusedError: 404 for another path, 405 for another verb.
    """
    for pattern, verbs in _ROUTES:
        if len(pattern) == len(path) and all(
            part if wanted is _ID else part == wanted for wanted, part in zip(pattern, path, strict=True)
        ):
            if method not in verbs:
                raise RefusedError(405)
            return verbs[method], tuple(part for wanted, part in zip(pattern, path, strict=True) if wanted is _ID)
    raise RefusedError(404)
