"""A request as an operation sees it, and what an operation makes of it: values between the socket and the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.sinch.refusals import Answer, bad_format
from sandbox.sinch.routes import Operation
from sandbox.sinch.rules import BatchRequest


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the IDs in its path, its query and its body as it came."""

    operation: Operation
    ids: tuple[str, ...]
    query: Mapping[str, str]
    content_type: str | None
    raw: bytes

    def no_query(self) -> None:
        for name in self.query:
            raise bad_format(f"{name}: unknown query parameter")

    def only_query(self, *known: str) -> None:
        for name in self.query:
            if name not in known:
                raise bad_format(f"{name}: unknown query parameter")


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request. ``act`` does it, and raises RefusedError if it can't be done.

    ``about`` is the message that faults can be aimed at; ``client_reference`` goes on record.
    """

    act: Callable[[], Answer]
    about: BatchRequest | None = None
    client_reference: str | None = None


Operations = Mapping[Operation, Callable[[Ask], Call]]
