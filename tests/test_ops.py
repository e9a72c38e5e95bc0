"""The dashboard, the alert rules, the runbook and the page about metrics say what ``/metrics`` really has."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.causes import Catalogue
from bot.clock import SystemClock
from bot.metrics import Metrics
from bot.store import Figures
from bot.telemetry import Payload, Telling, Turned

ROOT = Path(__file__).parent.parent
FROM_PROMETHEUS = {"instance", "le"}  # labels that the scrape itself adds, or that are a histogram's own
WORDS = {"by", "and", "sum", "max", "min", "rate", "increase", "absent", "histogram_quantile"}


class OneOfEach:
    """A store with a row of everything."""

    async def figures(self) -> Figures:
        return Figures(1, 1, 1, SystemClock().now(), 1, SystemClock().now())

    def writes_waiting(self) -> int:
        return 0


@pytest.fixture(scope="module")
def exported() -> Mapping[str, tuple[str, frozenset[str]]]:
    """Metric → its type and its labels, from a real page on which everything has happened once."""
    metrics = Metrics(
        store=OneOfEach(),
        clock=SystemClock(),
        codes=["http-401"],
        version="1",
        mode="http",
        database="sqlite",
        sinch_in_flight=lambda: 0,
        sinch_limit=1,
    )
    metrics.acked(Payload.SUBMIT, 0.1)
    metrics.turned_away(Turned.SIGNATURE)
    metrics.denied()
    metrics.attempted("accepted", None, 0.1)
    metrics.settled("accepted", None)
    metrics.accepted_after(1.0)
    metrics.looked_up(found=True)
    metrics.told(Telling.TOLD)
    page = asyncio.run(metrics.page()).decode()
    return {
        family.name: (family.type, frozenset(label for sample in family.samples for label in sample.labels) - {"le"})
        for family in text_string_to_metric_families(page)
    }


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "ops/grafana/mms-bot.json").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "ops/prometheus/alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return panels + [rule["expr"] for rule in rules()]


def family_of(series: str) -> str:
    return re.sub(r"_(total|bucket|sum|count)$", "", series)


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_is_about_series_and_labels_that_exist(
    expression: str, exported: Mapping[str, tuple[str, frozenset[str]]]
) -> None:
    series = re.findall(r"mms_bot_\w+", expression)
    assert series
    labels = set(FROM_PROMETHEUS)
    for one in series:
        kind, own = exported[family_of(one)]
        labels |= own
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(kind, ("",))
        assert one.endswith(suffixes), f"{one} is a {kind}"
    used = re.findall(r"(\w+)=~?\"", expression)
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        used += [label.strip() for label in grouped.split(",")]
    assert set(used) <= labels
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)
    without = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\([^()]*\)(?= \()|mms_bot_\w+|\"[^\"]*\"", " ", expression)
    assert set(re.findall(r"[a-z_]+", without)) <= WORDS | labels


@pytest.mark.parametrize("expression", expressions())
def test_counters_are_added_up_over_processes_and_the_databases_figures_are_not(
    expression: str, exported: Mapping[str, tuple[str, frozenset[str]]]
) -> None:
    of_database = ("mms_bot_database", "mms_bot_queue", "mms_bot_answers_waiting", "mms_bot_answers_oldest")
    for one in re.findall(r"mms_bot_\w+", expression):
        if one.startswith(of_database):
            assert "sum" not in expression
        elif exported[family_of(one)][0] in ("counter", "histogram") and "process" not in one:
            assert "sum" in expression


def test_the_page_about_metrics_has_them_all_with_type_and_labels(
    exported: Mapping[str, tuple[str, frozenset[str]]],
) -> None:
    rows = re.findall(r"^\| `(mms_bot_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/metrics.md").read_text(), re.M)
    documented = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert documented == dict(exported)


def test_every_metric_is_on_the_dashboard_but_two(exported: Mapping[str, tuple[str, frozenset[str]]]) -> None:
    shown = {family_of(one) for text in expressions() for one in re.findall(r"mms_bot_\w+", text)}

    # The address space says nothing about a Python process, and the start can be seen in the others.
    assert set(exported) - shown == {"mms_bot_process_virtual_memory_bytes", "mms_bot_process_start_time_seconds"}


def test_each_alert_has_its_entry_in_the_runbook_and_each_entry_its_alert() -> None:
    entries = re.findall(r"^## (.+)\n\n`(\w+)`", (ROOT / "docs/runbook.md").read_text(), re.M)
    by_alert = {alert: f"docs/runbook.md#{title.lower().replace(' ', '-')}" for title, alert in entries}

    assert {rule["alert"]: rule["annotations"]["runbook"] for rule in rules()} == by_alert


def test_an_alert_says_in_a_sentence_what_is_wrong_and_how_bad_it_is() -> None:
    for rule in rules():
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert re.fullmatch(r"[A-Z].+\.", rule["annotations"]["summary"])


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = dashboard()

    assert [variable["type"] for variable in board["templating"]["list"]] == ["datasource"]
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in board["panels"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_the_codes_that_alerts_name_are_in_the_catalogue() -> None:
    keys = Catalogue.load().keys
    for text in expressions():
        for codes in re.findall(r"code=~?\"([^\"]+)\"", text):
            assert set(codes.split("|")) <= keys
