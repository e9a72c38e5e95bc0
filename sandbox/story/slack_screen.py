"""What stands on a screen of Slack, drawn from the blocks that the bot really sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.story.lines import Line, Span, Tone, bar, box, columns, cut, line_columns, printable, wrap
from sandbox.story.mrkdwn import NameOf, spans

JsonObject = Mapping[str, Any]

_BUTTON_GAP = 2
_OF_IDS = ("selected_users", "selected_conversations", "selected_channels")  # Slack shows their names


def typed_line(name: str, place: str, text: str, width: int) -> list[Line]:
    """The line in which a person types, in a channel."""
    typed = wrap([Span(text, Tone.STRONG)], width - columns(f"{place}  {name}: "))
    start: Line = (Span(f"{place}  ", Tone.FAINT), Span(f"{name}: "))
    blank: Line = (Span(" " * line_columns(start)),)
    return [(*(blank if number else start), *line) for number, line in enumerate(typed)]


def message(header: str, text: str, blocks: Sequence[JsonObject], width: int, *, name_of: NameOf) -> list[Line]:
    """A message of the bot's; ``header`` says where it stands and who sees it. Without blocks its text is shown."""
    inside = width - 2
    body = [line for block in blocks for line in _block(block, inside, name_of)] or wrap(spans(text, name_of), inside)
    return [*wrap([Span(header, Tone.FAINT)], width), *bar(body)]


def dialog(
    view: JsonObject, errors: Mapping[str, str], width: int, *, name_of: NameOf, hints: bool = True
) -> list[Line]:
    """A dialog with what is typed in it.

    Args:
        view: as Slack's payloads show it, ``state.values`` included.
        errors: block_id → the sentence under that field.
        hints: show the start of each field's hint, and room between the fields.
    """
    inside = width - 4
    values = view.get("state", {}).get("values", {})
    lines: list[Line] = []
    for block in view["blocks"]:
        if hints and lines:
            lines.append(())
        if block["type"] == "input":
            lines += _field(block, values, errors.get(block["block_id"]), inside, name_of=name_of, hints=hints)
        else:
            lines += _block(block, inside, name_of)
    if hints:
        lines.append(())
    named = [(view[name]["text"], name == "submit") for name in ("close", "submit") if view.get(name)]
    for row in _buttons(named, inside):
        lines.append((Span(" " * (inside - line_columns(row))), *row))
    return box(lines, width, title=view["title"]["text"])


def _field(
    block: JsonObject, values: Mapping[str, Any], error: str | None, width: int, *, name_of: NameOf, hints: bool
) -> Iterator[Line]:
    element = block["element"]
    label = block["label"]["text"] + (" (optional)" if block.get("optional") else "")
    yield from wrap([Span(label, Tone.STRONG)], width)
    state = values.get(block["block_id"], {}).get(element["action_id"], {})
    inside = width - 4
    for line in wrap([Span(_value(state, name_of))], inside):
        filling = Span(" " * (inside - line_columns(line)))
        yield (Span("[ ", Tone.FAINT), *line, filling, Span(" ]", Tone.FAINT))
    if error:
        for number, line in enumerate(wrap([Span(error, Tone.BAD)], width - 2)):
            yield (Span("  " if number else "! ", Tone.BAD), *line)
    if hints and (hint := block.get("hint")):
        yield cut((Span(_one_line(hint["text"]), Tone.FAINT),), width)


def _value(state: JsonObject, name_of: NameOf) -> str:
    """What is entered in an element, whatever its type: text, an option's words, names, a time; or nothing."""
    key, entered = next(((key, value) for key, value in state.items() if key != "type"), ("", None))
    if isinstance(entered, list):
        named = key in _OF_IDS
        return ", ".join(name_of(str(one)) if named else _entry(one) for one in entered)
    return "" if entered is None else _entry(entered)


def _entry(entered: Any) -> str:
    if isinstance(entered, Mapping):
        return str(entered.get("text", {}).get("text") or entered.get("name") or entered.get("id") or "")
    return str(entered)


def _block(block: JsonObject, width: int, name_of: NameOf) -> list[Line]:
    match block["type"]:
        case "section":
            texts = [block["text"]] if "text" in block else []
            lines = [line for text in [*texts, *block.get("fields", [])] for line in _text(text, width, name_of)]
            return lines + _elements([block["accessory"]] if "accessory" in block else [], width, name_of)
        case "header":
            return wrap([Span(block["text"]["text"], Tone.STRONG)], width)
        case "divider":
            return [(Span("─" * width, Tone.FAINT),)]
        case "image":
            return wrap([Span(f"({block['alt_text']})", Tone.FAINT)], width)
        case "context" | "actions":
            return _elements(block["elements"], width, name_of)
        case other:
            # Better a word than a block that is silently not there.
            return [cut((Span(f"({other})", Tone.FAINT),), width)]


def _elements(elements: Sequence[JsonObject], width: int, name_of: NameOf) -> list[Line]:
    lines: list[Line] = []
    for element in elements:
        if element["type"] in ("plain_text", "mrkdwn"):
            lines += _text(element, width, name_of)
        elif element["type"] != "button":
            lines += _block(element, width, name_of)
    labels = [(element["text"]["text"], True) for element in elements if element["type"] == "button"]
    return lines + _buttons(labels, width)


def _text(text: JsonObject, width: int, name_of: NameOf) -> list[Line]:
    if text["type"] == "mrkdwn":
        return wrap(spans(text["text"], name_of), width)
    return wrap([Span(text["text"])], width)


def _buttons(labels: Sequence[tuple[str, bool]], width: int) -> list[Line]:
    """Buttons in as many rows as they need; the true ones stand out."""
    rows: list[Line] = []
    row: Line = ()
    for label, stands_out in labels:
        button = cut((Span(f"[ {_one_line(label)} ]", Tone.STRONG if stands_out else Tone.PLAIN),), width)
        if row and line_columns(row) + _BUTTON_GAP + line_columns(button) > width:
            rows.append(row)
            row = ()
        row = (*row, Span(" " * _BUTTON_GAP), *button) if row else button
    return [*rows, row] if row else rows


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
