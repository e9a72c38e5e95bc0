"""A strict fake Slack on loopback: it refuses what Slack refuses, so that a real mistake of the bot's is caught.

``FakeSlack`` is the workspace; ``slack.person("ann")`` acts as somebody; ``slack.refusals`` lists the bot's mistakes.
"""

from __future__ import annotations

from sandbox.slack.actor import Actor, CommandAnswer
from sandbox.slack.delivery import Ack
from sandbox.slack.dialog import Dialog, Outcome, SubmitAnswer
from sandbox.slack.form import CannotTypeError
from sandbox.slack.server import FakeSlack
from sandbox.slack.state import Call, Message, NothingSeenError, Refusal

__all__ = [
    "Ack",
    "Actor",
    "Call",
    "CannotTypeError",
    "CommandAnswer",
    "Dialog",
    "FakeSlack",
    "Message",
    "NothingSeenError",
    "Outcome",
    "Refusal",
    "SubmitAnswer",
]
