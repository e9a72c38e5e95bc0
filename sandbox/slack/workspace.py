"""The parts of one sandbox workspace, held together for those who act in it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.slack.delivery import Delivery
from sandbox.slack.modals import Modals
from sandbox.slack.people import People
from sandbox.slack.posting import Posting
from sandbox.slack.state import State


@dataclass(slots=True)
class Workspace:
    """``origin`` is the address of the fake Slack without a path, such as ``http://127.0.0.1:40001``."""

    state: State
    people: People
    modals: Modals
    posting: Posting
    delivery: Delivery
    origin: str = ""

    def response_url(self, user_id: str, channel_id: str, *, message_ts: str | None = None) -> str:
        token = self.state.new_response_url(user_id, channel_id, message_ts=message_ts)
        return f"{self.origin}/response/{token}"
