"""The operations on inbound messages: a checked call of each. Thin over the plan.

Source: Sinch SMS API reference, "Inbounds".
"""

from __future__ import annotations

from sandbox.sinch.faults import FaultBoard
from sandbox.sinch.inbounds import Inbound
from sandbox.sinch.listing import OF_INBOUNDS, ListQuery, one_page, read_list_query
from sandbox.sinch.operations.calls import Ask, Call, Operations
from sandbox.sinch.plan import ServicePlan
from sandbox.sinch.readings import ReferenceFilter
from sandbox.sinch.refusals import Answer, RefusedError, json_answer
from sandbox.sinch.routes import Operation


class InboundOperations:
    def __init__(self, plan: ServicePlan, faults: FaultBoard) -> None:
        self._plan = plan
        self._faults = faults

    def all(self) -> Operations:
        return {Operation.LIST_INBOUNDS: self.page, Operation.GET_INBOUND: self.get}

    def page(self, ask: Ask) -> Call:
        query = read_list_query(ask.query, OF_INBOUNDS, self._plan.clock())

        def act() -> Answer:
            page = one_page("inbounds", query, self._found(query), lambda one: one.to_json(self._plan.write))
            return json_answer(200, page)

        return Call(act, client_reference=query.client_reference)

    def get(self, ask: Ask) -> Call:
        ask.no_query()

        def act() -> Answer:
            inbound = self._plan.inbounds.get(ask.ids[0])
            if inbound is None:
                raise RefusedError(404)
            return json_answer(200, inbound.to_json(self._plan.write))

        return Call(act)

    def _found(self, query: ListQuery) -> list[Inbound]:
        now, how = self._plan.clock(), self._plan.readings.reference_filter
        if self._faults.takes_away_reference_filter(Operation.LIST_INBOUNDS):
            how = ReferenceFilter.IGNORED
        return [
            one
            for one in reversed(self._plan.inbounds.all)
            if query.in_time(one.received_at, now)
            and query.of_reference(one.client_reference, how)
            and (not query.receivers or one.to in query.receivers)
        ]
