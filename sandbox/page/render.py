"""The page and its parts as HTML. Pure but for what the stage is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sandbox.page import blocks, hood, markup, picture
from sandbox.page.faults import SINCH, SLACK
from sandbox.page.stage import CAST, CHANNEL, DIRECT, Stage

_BOT = {
    "running": "The bot is running",
    "killed": "The bot was killed",
    "starting": "The bot is starting",
    "dead": "The bot did not start again",
}
_SWITCHES = (("Sinch", SINCH), ("Slack", SLACK))


class Renderer:
    """Draws for one stage. Everything is escaped unless the templates write it themselves."""

    def __init__(self, stage: Stage, *, token: str) -> None:
        self._stage = stage
        self._token = token
        self._templates = Environment(loader=PackageLoader("sandbox.page"), autoescape=True, trim_blocks=True)
        self._templates.filters.update(
            mrkdwn=lambda text: markup.mrkdwn(text, stage.name_of),
            plain=markup.plain,
            options=blocks.options,
            pairs=lambda element: [(one["value"], one["text"]["text"]) for one in blocks.options(element)],
            entered=blocks.entered,
            input_type=blocks.input_type,
            picture=picture.name,
            spaced=_spaced,
        )
        self._templates.globals.update(typed=blocks.TYPED)
        self._parts = self._templates.get_template("parts.html.j2")

    def page(self, me: str) -> str:
        return self._templates.get_template("page.html.j2").render(
            me=me, cast=CAST, token=self._token, bot=_BOT[self._stage.bot_state], **self.parts(me)
        )

    def parts(self, me: str) -> dict[str, Markup]:
        """Every part of the page that changes, by the ID of its element."""
        stage, actor = self._stage, self._stage.actor(me)
        module: Any = self._parts.make_module({"everybody": stage.everybody()})
        return {
            "general": module.conversation(stage.conversation(me, CHANNEL)),
            "direct": module.conversation(stage.conversation(me, DIRECT)),
            "home": module.home(actor.home),
            "dialog": module.dialog(stage.dialog(me)),
            "phones": module.phones(stage.phones()),
            "switches": module.switches(_SWITCHES, stage.trouble.on),
            "hood": module.hood(stage.rows(), hood.lines(stage.world.slack, stage.world.sinch, stage.log)),
        }

    def bot(self) -> str:
        return _BOT[self._stage.bot_state]

    def blocks(self, drawn: list[Mapping[str, Any]]) -> Markup:
        """Blocks alone, as in a message."""
        module: Any = self._templates.get_template("blocks.html.j2").make_module({"everybody": self._stage.everybody()})
        drawing: Markup = module.draw(drawn, "message", "1.1")
        return drawing

    def view(self, view: Mapping[str, Any], errors: Mapping[str, str]) -> Markup:
        """A dialog or a Home tab alone."""
        module: Any = self._templates.get_template("blocks.html.j2").make_module({"everybody": self._stage.everybody()})
        where = "home" if view["type"] == "home" else "dialog"
        drawing: Markup = module.draw(view["blocks"], where, "", {"id": "V0", **view}, errors)
        return drawing


def _spaced(number: str) -> str:
    if len(number) == 12 and number.startswith("+1"):
        return f"+1 {number[2:5]} {number[5:8]} {number[8:]}"
    return number
