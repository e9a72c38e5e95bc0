"""What Slack makes of the text after a command when the manifest says ``should_escape: true``. Pure.

Source: docs.slack.dev, "Implementing slash commands" and "Formatting message text". That ``& < >`` become entities in
command text, and that e-mail addresses become links, is seen in message text but not documented for commands.
"""

from __future__ import annotations

import re

from sandbox.slack.people import People

# One pass over the text, so that nothing is rewritten twice.
_PIECE = re.compile(
    r"(?P<url>https?://[^\s<>|]+)"
    r"|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<person>(?<!\w)@[\w.-]+)"
    r"|(?P<channel>(?<!\w)#[\w-]+)"
    r"|(?P<special>[&<>])"
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_DIGIT_RUN = re.compile(r"\+?\d[\d ().-]{5,}\d")


def escape_entities(text: str) -> str:
    """``& < >`` as entities, once."""
    return re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], text)


def escape_command_text(text: str, people: People) -> str:
    """The ``text`` of a command as Slack sends it: mentions, channels and links in angle brackets, entities escaped.

    A name that the workspace does not know stays as it was typed.
    """

    def rewrite(match: re.Match[str]) -> str:
        piece = match[0]
        match match.lastgroup:
            case "url":
                return f"<{escape_entities(piece)}>"
            case "mail":
                return f"<mailto:{piece}|{piece}>"
            case "person":
                return _mention(piece[1:], people) or piece
            case "channel":
                channel = people.find_channel(piece[1:])
                if channel is None or channel.kind == "im":
                    return piece
                # Slack leaves the label of a private channel empty
                return f"<#{channel.id}|{channel.name if channel.kind == 'public' else ''}>"
            case _:
                return _ENTITIES[piece]

    return _PIECE.sub(rewrite, text)


def link_phone_numbers(text: str) -> str:
    """What some mobile clients do while a number is typed: ``<tel:+12015550123|(201) 555-0123>``."""
    return _DIGIT_RUN.sub(lambda match: f"<tel:{re.sub(r'[^+0-9]', '', match[0])}|{match[0]}>", text)


def _mention(name: str, people: People) -> str | None:
    if person := people.find_person(name):
        return f"<@{person.id}|{person.name}>"
    if group := people.find_group(name):
        return f"<!subteam^{group.id}|@{group.handle}>"
    return None
