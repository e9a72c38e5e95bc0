"""Calls to Slack's Web API and to response_urls, with our own errors and a time limit on each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.access import Profile, Workspace
from bot.secret import Secret
from bot.settings import is_loopback
from bot.slack.pace import POST, PUBLISH, UPDATE, Pace, TooSoonError
from bot.slack.profiles import UserGroup, profile_from, user_groups_from

TIME_LIMIT_S = 10.0
OPEN_VIEW_LIMIT_S = 3.0  # a trigger_id lives 3 s: Slack, "Handling user interaction"
_CONNECT_LIMIT_S = 5.0
TURN_WITHIN_S = 2.0  # a call waits so long for its turn; whoever is further behind comes back
LONGEST_WAIT_S = 3600.0  # whatever a Retry-After says; Slack's own are about a minute
_ANSWER_MAX_BYTES = 4096  # of what a response_url says; we read a word of it at most

# auth.test and apps.connections.open: the token itself is the fault, and no waiting mends it.
TOKEN_REFUSED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "invalid_token",
        "no_permission",
        "missing_scope",
        "team_access_not_granted",
        "forbidden_for_app_token",
    }
)


class SlackError(Exception):
    """Slack did not do it.

    Attributes:
        error: Slack's word for it, such as ``expired_trigger_id``, or ``http-500``, or ``away``.
        away: Slack could not be reached, is overloaded or failed inside; trying again may help.
        retry_after_s: how long Slack asks us to wait.
    """

    def __init__(self, error: str, *, away: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.away = away
        self.retry_after_s = retry_after_s


class NotYetError(SlackError):
    """Slack was not asked: by its rate limits, the turn comes after ``retry_after_s``."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("ratelimited", away=True, retry_after_s=retry_after_s)


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that Slack has taken, so that it can be changed later.

    ``ts`` is empty when Slack did not say it: the message is there all the same, but can't be changed.
    """

    channel_id: str
    ts: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What ``auth.test`` says.

    Attributes:
        team: the workspace's name.
        scopes: of the bot token; None if Slack did not say.
        server_time: Slack's own, to the second; None if it did not say.
    """

    workspace: Workspace
    team: str
    scopes: frozenset[str] | None
    server_time: datetime | None


class SlackGateway:
    """One workspace's Web API. Made by ``open_gateway``, which owns the connections."""

    def __init__(
        self, *, bot_token: Secret, base_url: str, session: aiohttp.ClientSession, trust_env: bool, pace: Pace
    ) -> None:
        self._session = session
        self._pace = pace
        self._client = AsyncWebClient(
            token=bot_token.reveal(),
            base_url=base_url,
            session=session,
            timeout=int(TIME_LIMIT_S),
            retry_handlers=[],  # a repeat after a broken connection could post twice
        )
        if not trust_env:
            self._client.proxy = None  # the SDK takes it from the environment without asking

    async def identify(self) -> Workspace:
        """Whose bot this is (``auth.test``)."""
        return (await self.standing()).workspace

    async def standing(self) -> Standing:
        """Whose bot this is, and what Slack says beside it (``auth.test``)."""
        answer = await self._call(self._client.auth_test())
        if not isinstance(answer.get("team_id"), str) or not isinstance(answer.get("user_id"), str):
            raise SlackError("odd_answer", away=True)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        scopes = headers.get("x-oauth-scopes")
        return Standing(
            Workspace(
                team_id=str(answer["team_id"]),
                bot_user_id=str(answer["user_id"]),
                enterprise_id=answer.get("enterprise_id") or None,
            ),
            team=str(answer.get("team") or answer["team_id"]),
            scopes=None if scopes is None else frozenset(filter(None, (one.strip() for one in scopes.split(",")))),
            server_time=_http_date(headers.get("date", "")),
        )

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        await self._call(self._client.views_open(trigger_id=trigger_id, view=dict(view)), limit_s=OPEN_VIEW_LIMIT_S)

    async def update_view(self, view_id: str, view: Mapping[str, Any], view_hash: str | None) -> None:
        """Change an open dialog (``views.update``).

        Args:
            view_hash: what the change is based on; ``hash_conflict`` if the dialog is another one by now. None changes
                it whatever it is.
        """
        await self._call(self._client.views_update(view_id=view_id, view=dict(view), hash=view_hash))

    async def publish_home(
        self, user_id: str, view: Mapping[str, Any], view_hash: str | None, *, within_s: float = TURN_WITHIN_S
    ) -> str | None:
        """Put ``view`` on somebody's Home tab (``views.publish``).

        Args:
            view_hash: what the change is based on; ``hash_conflict`` if they see another view by now. None changes it
                whatever it is.
            within_s: how long this may wait for its turn; 0 gives way to whatever else waits.

        Returns:
            The hash of what they see now, or None if Slack does not say it.
        """
        async with self._turn(PUBLISH, within_s=within_s):
            answer = await self._call(self._client.views_publish(user_id=user_id, view=dict(view), hash=view_hash))
        shown = answer.get("view")
        new_hash = shown.get("hash") if isinstance(shown, Mapping) else None
        return new_hash if isinstance(new_hash, str) and new_hash else None

    async def profile(self, user_id: str, workspace: Workspace) -> Profile:
        """Who a user is (``users.info``), as seen from ``workspace``."""
        answer = await self._call(self._client.users_info(user=user_id))
        user = answer.get("user")
        if not isinstance(user, Mapping) or user.get("id") != user_id:  # nobody else's profile may count for them
            raise SlackError("odd_answer", away=True)
        return profile_from(user, workspace)

    async def user_groups(self) -> tuple[UserGroup, ...]:
        """The user groups of the workspace that are in use (``usergroups.list``)."""
        answer = await self._call(self._client.usergroups_list())
        if not isinstance(answer.get("usergroups"), list):
            raise SlackError("odd_answer", away=True)
        return user_groups_from({"usergroups": answer.get("usergroups")})

    async def group_members(self, group_id: str) -> frozenset[str]:
        """The user IDs in a user group (``usergroups.users.list``)."""
        answer = await self._call(self._client.usergroups_users_list(usergroup=group_id))
        users = answer.get("users")
        if not isinstance(users, list):
            raise SlackError("odd_answer", away=True)
        return frozenset(user for user in users if isinstance(user, str))

    async def post_ephemeral(self, *, channel_id: str, user_id: str, message: Mapping[str, Any]) -> None:
        await self._call(self._client.chat_postEphemeral(channel=channel_id, user=user_id, **message))

    async def post_direct(self, *, user_id: str, message: Mapping[str, Any]) -> Posted:
        async with self._turn(POST, channel=user_id):
            answer = await self._call(
                self._client.chat_postMessage(channel=user_id, unfurl_links=False, unfurl_media=False, **message)
            )
        channel_id, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel_id, str) and isinstance(ts, str)):
            return Posted("", "")  # Slack has taken it: an error would have it posted twice
        return Posted(channel_id, ts)

    async def update_message(
        self, channel_id: str, ts: str, message: Mapping[str, Any], *, within_s: float = TURN_WITHIN_S
    ) -> None:
        """Put ``message`` in the place of one of the bot's own (``chat.update``).

        Args:
            channel_id: as `Posted` has it; Slack takes no user ID here.
            within_s: how long this may wait for its turn; 0 gives way to whatever else waits.
        """
        whole = {"blocks": [], **message}  # blocks that are left out would stay as they were
        async with self._turn(UPDATE, within_s=within_s):
            await self._call(self._client.chat_update(channel=channel_id, ts=ts, **whole))

    async def respond(self, response_url: str, message: Mapping[str, Any], *, replace: bool = False) -> None:
        """Post privately through a ``response_url``; with ``replace``, in the place of the message that was pressed."""
        _must_be_safe(response_url)
        how = {"replace_original": True} if replace else {"response_type": "ephemeral", "replace_original": False}
        body = {**how, **message}
        try:
            async with self._session.post(response_url, json=body, allow_redirects=False) as response:
                said = await response.content.read(_ANSWER_MAX_BYTES)
                status, headers = response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackError("away", away=True) from error
        if status >= 300:
            raise SlackError(f"http-{status}", away=status == 429 or status >= 500, retry_after_s=_retry_after(headers))

        if (word := _refusal_in(said)) is not None:
            raise SlackError(word)

    async def socket_url(self, app_token: Secret) -> str:
        """A fresh address for one Socket Mode connection (``apps.connections.open``)."""
        answer = await self._call(self._client.apps_connections_open(app_token=app_token.reveal()))
        return str(answer["url"])

    async def connect_socket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        _must_be_safe(url)
        try:
            return await self._session.ws_connect(url, heartbeat=20.0, max_msg_size=4 * 1024 * 1024)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackError("away", away=True) from error

    @asynccontextmanager
    async def _turn(
        self, method: str, *, channel: str | None = None, within_s: float = TURN_WITHIN_S
    ) -> AsyncIterator[None]:
        """One call of ``method`` within Slack's rate limits.

        Raises:
            NotYetError: its turn comes later than ``within_s`` seconds.
        """
        try:
            await self._pace.turn(method, channel=channel, within_s=within_s)
        except TooSoonError as soon:
            raise NotYetError(soon.after_s) from None
        try:
            yield
        except SlackError as error:
            if error.error == "ratelimited":
                self._pace.hold_up(method, error.retry_after_s)
            raise

    async def _call(self, call: Any, *, limit_s: float = TIME_LIMIT_S) -> AsyncSlackResponse:
        try:
            async with asyncio.timeout(limit_s):
                answer: AsyncSlackResponse = await call
                return answer
        except SlackApiError as error:
            raise _from_api(error) from None
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackError("away", away=True) from error
        except (AttributeError, TypeError, KeyError) as error:  # the SDK met an answer that is no JSON object
            raise SlackError("odd_answer", away=True) from error


@asynccontextmanager
async def open_gateway(*, bot_token: Secret, base_url: str, pace: Pace) -> AsyncIterator[SlackGateway]:
    # A proxy that the shell names is for the internet, never for this machine itself.
    trust_env = not is_loopback(urlsplit(base_url).hostname or "")
    timeout = aiohttp.ClientTimeout(total=TIME_LIMIT_S, connect=_CONNECT_LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=trust_env) as session:
        yield SlackGateway(bot_token=bot_token, base_url=base_url, session=session, trust_env=trust_env, pace=pace)


def _refusal_in(said: bytes) -> str | None:
    """A response_url may refuse with status 200 and ``{"ok": false}``; how it does is not documented."""
    try:
        answer = json.loads(said)
    except ValueError:
        return None  # usually the word `ok`
    refused = isinstance(answer, dict) and answer.get("ok") is False
    return str(answer.get("error") or "refused")[:60] if refused else None


def _must_be_safe(url: str) -> None:
    """Addresses that Slack hands us: encrypted, or on this machine."""
    try:
        parts = urlsplit(url)
        safe = parts.scheme in ("https", "wss") or is_loopback(parts.hostname or "")
    except ValueError:
        safe = False
    if not safe:
        raise SlackError("unsafe_url")


def _from_api(error: SlackApiError) -> SlackError:
    response = error.response
    if not isinstance(response, AsyncSlackResponse):
        return SlackError("away", away=True)
    word = response.data.get("error") if isinstance(response.data, dict) else None
    status = response.status_code
    if status == 429 or word == "ratelimited":
        return SlackError("ratelimited", away=True, retry_after_s=_retry_after(response.headers))
    if status >= 500 or not word:
        return SlackError(f"http-{status}", away=True)
    return SlackError(str(word), away=word in ("internal_error", "fatal_error", "service_unavailable"))


def _http_date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(value), LONGEST_WAIT_S) if value.isascii() and value.isdigit() else None
