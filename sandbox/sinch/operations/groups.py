"""The operations on groups: a checked call of each. Thin over the plan.

Source: Sinch SMS API reference, "Groups".
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.sinch.group_rules import read_group, read_group_change
from sandbox.sinch.groups import Group
from sandbox.sinch.listing import PAGE, one_page, read_list_query
from sandbox.sinch.operations.calls import Ask, Call, Operations
from sandbox.sinch.plan import ServicePlan
from sandbox.sinch.readings import NameTaken
from sandbox.sinch.refusals import Answer, RefusedError, json_answer
from sandbox.sinch.routes import Operation


class GroupOperations:
    def __init__(self, plan: ServicePlan) -> None:
        self._plan = plan
        self._groups = plan.groups

    def all(self) -> Operations:
        return {
            Operation.CREATE_GROUP: self.create,
            Operation.LIST_GROUPS: self.page,
            Operation.GET_GROUP: self.get,
            Operation.LIST_MEMBERS: self.list_members,
            Operation.UPDATE_GROUP: self.update,
            Operation.REPLACE_GROUP: self.replace,
            Operation.DELETE_GROUP: self.delete,
        }

    def create(self, ask: Ask) -> Call:
        ask.no_query()
        asked = read_group(ask.content_type, ask.raw, self._groups)

        def act() -> Answer:
            self._refuse_taken(asked.name)
            group = self._groups.create(asked, self._plan.clock())
            self._plan.changed()
            return self._answer(group, 201)

        return Call(act)

    def page(self, ask: Ask) -> Call:
        query = read_list_query(ask.query, PAGE, self._plan.clock())
        return Call(
            lambda: json_answer(
                200,
                one_page("groups", query, self._groups.newest_first(), lambda one: one.to_json(self._plan.write)),
            )
        )

    def get(self, ask: Ask) -> Call:
        ask.no_query()
        return self._about(ask, self._answer)

    def list_members(self, ask: Ask) -> Call:
        ask.no_query()
        return self._about(ask, lambda group: json_answer(200, self._plan.write.numbers(group.members)))

    def update(self, ask: Ask) -> Call:
        ask.no_query()
        change = read_group_change(ask.content_type, ask.raw, self._groups)

        def act(group: Group) -> Answer:
            self._refuse_taken(change.name, group)
            self._groups.change(group, change, self._plan.clock())
            self._plan.groups_changed()
            return self._answer(group)

        return self._about(ask, act)

    def replace(self, ask: Ask) -> Call:
        ask.no_query()
        asked = read_group(ask.content_type, ask.raw, self._groups, needs_members=True)

        def act(group: Group) -> Answer:
            self._refuse_taken(asked.name, group)
            self._groups.replace(group, asked, self._plan.clock())
            self._plan.groups_changed()
            return self._answer(group)

        return self._about(ask, act)

    def delete(self, ask: Ask) -> Call:
        ask.no_query()

        def act(group: Group) -> Answer:
            self._groups.delete(group)
            self._plan.groups_changed()
            return Answer(204 if self._plan.readings.group_deleted_without_content else 200)

        return self._about(ask, act)

    def _refuse_taken(self, name: str | None, group: Group | None = None) -> None:
        how = self._plan.readings.group_name_taken
        if how is not NameTaken.ALLOWED and self._groups.name_taken(name, group.id if group else None):
            raise RefusedError(how.value, "conflict_group_name", "name: another group has this name")

    def _about(self, ask: Ask, act: Callable[[Group], Answer]) -> Call:
        def found() -> Answer:
            group = self._groups.get(ask.ids[0])
            if group is None:
                raise RefusedError(404)
            return act(group)

        return Call(found)

    def _answer(self, group: Group, status: int = 200) -> Answer:
        return json_answer(status, group.to_json(self._plan.write))
