"""Every door that there is: all that can be done from Slack, put together once, for the product and for its tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.causes import Catalogue
from bot.clock import Clock
from bot.delivery.sender import Sender
from bot.slack.access.changing import Changing
from bot.slack.access.commands import AccessCommands
from bot.slack.access.dialog import AccessDialog
from bot.slack.access.requests import AccessRequests
from bot.slack.cancelling import Cancelling
from bot.slack.directory import Directory
from bot.slack.doors import AccessCheck, Doors
from bot.slack.folding import Folding
from bot.slack.gateway import SlackGateway
from bot.slack.home.doors import HomeDoors
from bot.slack.home.screens import HomeScreens
from bot.slack.listeners import Listeners, Rules
from bot.slack.replies import Replies
from bot.store import Store


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom doors tell what they have done.

    Attributes:
        queued: a message waits to be sent; with its sender's user ID, as ``changed``.
        changed: a message has moved on.
        answer: an answer is to be told; ``news``: delivery news; ``notice``: a notice about access.
    """

    queued: Callable[[str], None]
    changed: Callable[[str], None]
    answer: Callable[[], None]
    news: Callable[[], None]
    notice: Callable[[], None]


def every_door(
    *,
    store: Store,
    sender: Sender,
    slack: SlackGateway,
    access: AccessCheck,
    directory: Directory,
    screens: HomeScreens,
    rules: Rules,
    causes: Catalogue,
    clock: Clock,
    hooks: Hooks,
) -> Doors:
    replies = Replies(slack=slack, access=access, known=directory.known, causes=causes, clock=clock)
    main_job = Listeners(
        store=store,
        replies=replies,
        access=access,
        rules=rules,
        causes=causes,
        clock=clock,
        on_queued=hooks.queued,
    )
    changing = Changing(store=store.access, access=access, directory=directory, clock=clock, on_notice=hooks.notice)
    words = AccessCommands(changing=changing, replies=replies, command=rules.command)
    dialog = AccessDialog(changing=changing, replies=replies, command=rules.command)
    requests = AccessRequests(
        changing=changing, replies=replies, slack=slack, put_home=screens.put, command=rules.command
    )
    home = HomeDoors(screens=screens, store=store, slack=slack, replies=replies, access=access, causes=causes)
    cancelling = Cancelling(
        store=store,
        sender=sender,
        slack=slack,
        replies=replies,
        access=access,
        causes=causes,
        clock=clock,
        on_answer=hooks.answer,
        on_change=hooks.changed,
    )
    folding = Folding(
        store=store,
        slack=slack,
        replies=replies,
        access=access,
        causes=causes,
        clock=clock,
        on_news=hooks.news,
    )
    about_access = words.doors() | dialog.doors() | requests.doors()
    about_messages = main_job.doors() | home.doors() | cancelling.doors() | folding.doors()
    return about_messages | about_access
