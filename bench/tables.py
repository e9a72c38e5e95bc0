"""A measurement as Markdown. Pure."""

from __future__ import annotations

from bench.acks import Table
from bench.numbers import ratio, shown


def markdown(table: Table) -> str:
    """The title, a line for each contender with its ratio to the base, and what became of the goals."""
    columns = list(next(iter(table.rows.values())))
    head = [
        "",
        *(f"{one} ({table.rows[table.base][one].unit})" for one in columns),
        *(f"{one}, × {table.base}" for one in columns),
    ]
    lines = [
        [
            name,
            *(f"{shown(series.middle)} ({series.spread})" for series in row.values()),
            *(f"{ratio(row[one], table.rows[table.base][one]):.2f}" for one in columns),
        ]
        for name, row in table.rows.items()
    ]
    rule = ["---", *("--:" for _ in head[1:])]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *lines))
    goals = []
    for goal in table.goals:
        column = goal.column or table.column_of_goals
        series = {name: row[column] for name, row in table.rows.items()} | dict(table.also)
        if goal.other is None or goal.other in series:
            goals.append(f"- {goal.sentence(series)}")
    noisy = "\n\nNoisy: what is compared with was slower than itself by more than a fifth between rounds."
    return (
        f"### {table.title}\n\n{text}\n\n"
        + "\n".join(goals)
        + (noisy if table.rows[table.base][columns[0]].noisy else "")
    )
