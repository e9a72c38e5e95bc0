"""The Web API of the fake Slack: token, arguments, scope, then the method itself. No sockets here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.slack.block_kit import MAX_VIEW_BYTES, check_view, view_bytes
from sandbox.slack.checks import problem
from sandbox.slack.methods import JSON_ARGUMENTS, METHODS, MISTAKES, Method
from sandbox.slack.modals import Modals, OpenView
from sandbox.slack.people import APP_ID, BOT_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, Group, People, Person
from sandbox.slack.posting import Posting
from sandbox.slack.rates import RateLimits
from sandbox.slack.state import Call, JsonObject, SlackError, State

RETRY_AFTER = "Retry-After"  # of a refusal: goes into the header, with status 429

# What manifest.yaml asks for: the bot opens DMs by chat.postMessage, so im:write is not among them.
DEFAULT_SCOPES = frozenset({"commands", "chat:write", "users:read", "usergroups:read"})


class Tokens:
    """Which tokens are good, and what they may do."""

    def __init__(self, bot_token: str, app_token: str) -> None:
        self.bot_token = bot_token
        self.app_token = app_token
        self.scopes: set[str] = set(DEFAULT_SCOPES)
        self.app_scopes: set[str] = {"connections:write"}
        self.revoked: set[str] = set()

    def check(self, token: str | None, method: Method) -> None:
        """Raises ``SlackError`` not_authed, invalid_auth, token_revoked, not_allowed_token_type or missing_scope."""
        if not token:
            raise SlackError("not_authed")
        if token in self.revoked:
            raise SlackError("token_revoked")
        if token not in (self.bot_token, self.app_token):
            raise SlackError("invalid_auth")
        if token != (self.app_token if method.kind == "app" else self.bot_token):
            raise SlackError("not_allowed_token_type")
        granted = self.granted(token)
        if method.scope is not None and method.scope not in granted:
            raise SlackError("missing_scope", needed=method.scope, provided=",".join(sorted(granted)))

    def granted(self, token: str | None) -> set[str]:
        return self.app_scopes if token == self.app_token else self.scopes


class WebApi:
    """Answers calls; every one ends in the record, every real mistake among the refusals."""

    def __init__(
        self,
        state: State,
        people: People,
        modals: Modals,
        posting: Posting,
        tokens: Tokens,
        rate_limits: RateLimits,
        connect: Callable[[], str],
    ) -> None:
        self._state = state
        self._people = people
        self._modals = modals
        self._posting = posting
        self._tokens = tokens
        self._rate_limits = rate_limits
        self._connect = connect
        self._handlers: dict[str, Callable[[Mapping[str, Any]], JsonObject]] = {
            "auth.test": self._auth_test,
            "apps.connections.open": self._connections_open,
            "views.open": self._views_open,
            "views.push": self._views_push,
            "views.update": self._views_update,
            "views.publish": self._views_publish,
            "chat.postMessage": posting.post_message,
            "chat.postEphemeral": posting.post_ephemeral,
            "chat.update": posting.update,
            "conversations.open": self._conversations_open,
            "users.info": self._users_info,
            "usergroups.list": self._usergroups_list,
            "usergroups.users.list": self._usergroups_users_list,
        }

    def call(self, name: str, token: str | None, arguments: Mapping[str, Any]) -> JsonObject:
        """One call, from the token to the answer. Never raises: a refusal is an answer too."""
        try:
            method = METHODS.get(name)
            if method is None:
                raise SlackError("unknown_method", (f"the sandbox has no method {name}",))
            self._tokens.check(token, method)
            checked = _checked_arguments(method, arguments)
            self._must_not_be_too_fast(name, checked)
            answer = {"ok": True, **self._handlers[name](checked)}
            self.record(name, arguments, "ok")
        except SlackError as refused:
            answer = self.refusal(name, arguments, refused)
        return answer

    def refusal(self, name: str, arguments: Mapping[str, Any], refused: SlackError) -> JsonObject:
        """Record a refusal and put it into Slack's words."""
        self.record(name, arguments, refused.error)
        if refused.error in MISTAKES:
            self._state.refuse(name, refused.error, *refused.messages)
        answer: JsonObject = {"ok": False, "error": refused.error, **refused.fields}
        if refused.messages:
            answer["response_metadata"] = {"messages": list(refused.messages)}
        return answer

    def _must_not_be_too_fast(self, name: str, args: Mapping[str, Any]) -> None:
        channel_id = args.get("channel")
        if isinstance(channel_id, str) and (person := self._people.find_person(channel_id)) is not None:
            channel_id = self._people.app_dm(person.id).id
        if (wait_s := self._rate_limits.wait_s(name, channel_id)) is not None:
            raise SlackError("ratelimited", (), **{RETRY_AFTER: str(wait_s)})

    def record(self, name: str, arguments: Mapping[str, Any], outcome: str) -> None:
        self._state.calls.append(Call(name, dict(arguments), outcome, self._state.clock()))
        self._state.changes.notify()

    def _auth_test(self, _args: Mapping[str, Any]) -> JsonObject:
        return {
            "url": f"https://{TEAM_DOMAIN}.slack.com/",
            "team": "Sandbox",
            "user": self._people.person(BOT_USER).name,
            "team_id": TEAM_ID,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _connections_open(self, _args: Mapping[str, Any]) -> JsonObject:
        return {"url": self._connect()}

    def _views_open(self, args: Mapping[str, Any]) -> JsonObject:
        definition = _checked_view(args["view"], "modal")
        trigger = self._state.use_trigger(_trigger_id(args))
        return {"view": self._modals.open(trigger.user_id, definition).payload()}

    def _views_push(self, args: Mapping[str, Any]) -> JsonObject:
        definition = _checked_view(args["view"], "modal")
        trigger = self._state.use_trigger(_trigger_id(args))
        onto = self._modals.find(trigger.view_id) if trigger.view_id else None
        if onto is None:  # the trigger must come from a dialog that is still open
            raise SlackError("not_found")
        return {"view": self._modals.push(onto, definition).payload()}

    def _views_update(self, args: Mapping[str, Any]) -> JsonObject:
        if ("view_id" in args) == ("external_id" in args):
            raise SlackError("invalid_arguments", (problem("give either view_id or external_id", "/"),))
        view: OpenView | None
        if "view_id" in args:
            view = self._modals.find(args["view_id"])
        else:
            view = self._modals.find_external(args["external_id"])
        definition = _checked_view(args["view"], view.definition["type"] if view else None)
        if view is None:
            raise SlackError("not_found")
        self._modals.update(view, definition, expected_hash=args.get("hash"))
        return {"view": view.payload()}

    def _views_publish(self, args: Mapping[str, Any]) -> JsonObject:
        definition = _checked_view(args["view"], "home")
        person = self._person(args["user_id"])
        return {"view": self._modals.publish(person.id, definition, expected_hash=args.get("hash")).payload()}

    def _conversations_open(self, args: Mapping[str, Any]) -> JsonObject:
        users = [user for user in str(args.get("users", "")).split(",") if user]
        if len(users) != 1:  # the sandbox knows no group DMs
            raise SlackError("users_list_not_supplied" if not users else "not_enough_users")
        channel = self._posting.open_dm(users[0])
        return {"no_op": False, "already_open": False, "channel": {"id": channel.id}}

    def _users_info(self, args: Mapping[str, Any]) -> JsonObject:
        return {"user": user_payload(self._person(args["user"]))}

    def _usergroups_list(self, args: Mapping[str, Any]) -> JsonObject:
        with_users = _truth(args.get("include_users"))
        with_count = _truth(args.get("include_count"))
        groups = [group_payload(g, with_users=with_users, with_count=with_count) for g in self._people.groups()]
        return {"usergroups": groups}

    def _usergroups_users_list(self, args: Mapping[str, Any]) -> JsonObject:
        group = self._people.find_group(args["usergroup"])
        if group is None or group.id != args["usergroup"]:
            raise SlackError("no_such_subteam")
        return {"users": list(group.members)}

    def _person(self, user_id: str) -> Person:
        person = self._people.find_person(user_id)
        if person is None or person.id != user_id:
            raise SlackError("user_not_found")
        return person


def _truth(value: object) -> bool:
    return value in (True, 1, "1", "true", "True")


def _trigger_id(args: Mapping[str, Any]) -> object:
    return args.get("trigger_id") or args.get("interactivity_pointer")


def _checked_arguments(method: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Known names, nothing missing, JSON decoded, everything else a string, number or truth value.

    Raises:
        SlackError: invalid_arguments, with one message for each fault.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    faults = [problem(f"unknown argument: {name}", "/") for name in sorted(set(given) - method.known)]
    faults += [problem(f"missing required field: {name}", "/") for name in sorted(method.required - set(given))]
    for name in sorted(set(given) & JSON_ARGUMENTS):
        if isinstance(given[name], str):
            try:
                given[name] = json.loads(given[name])
            except ValueError:
                faults.append(problem("invalid JSON", f"/{name}"))
    for name in sorted(set(given) - JSON_ARGUMENTS):
        if name in method.required and not isinstance(given[name], str):
            faults.append(problem("must be a string", f"/{name}"))
        elif isinstance(given[name], (dict, list)):
            faults.append(problem("must not be an object or array", f"/{name}"))
    if faults:
        raise SlackError("invalid_arguments", tuple(faults))
    return given


def _checked_view(view: Any, kind: str | None) -> JsonObject:
    if view_bytes(view) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    problems = check_view(view)
    if not problems and kind is not None and view["type"] != kind:
        problems = [problem(f"must be {kind}", "/view/type")]
    if problems:
        raise SlackError("invalid_arguments", tuple(problems))
    checked: JsonObject = view
    return checked


def user_payload(person: Person) -> JsonObject:
    """A user object as users.info gives it."""
    if person.deleted:
        return {
            "id": person.id,
            "team_id": person.team_id,
            "name": person.name,
            "deleted": True,
            "profile": {"real_name": person.real_name, "display_name": person.name, "team": person.team_id},
            "is_bot": person.is_bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }
    user: JsonObject = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": False,
        "color": "9f69e7",
        "real_name": person.real_name,
        "tz": "America/New_York",
        "tz_label": "Eastern Standard Time",
        "tz_offset": -18000,
        "profile": {"real_name": person.real_name, "display_name": person.name, "team": person.team_id},
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    if person.team_id != TEAM_ID:
        user["is_stranger"] = True
    return user


def group_payload(group: Group, *, with_users: bool, with_count: bool) -> JsonObject:
    """A user group as usergroups.list gives it."""
    payload: JsonObject = {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 0,
        "auto_type": None,
        "created_by": APP_ID,
        "updated_by": APP_ID,
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
    }
    if with_users:
        payload["users"] = list(group.members)
    if with_count:
        payload["user_count"] = len(group.members)
    return payload
