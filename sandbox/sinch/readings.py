"""What Sinch's sources leave open or say in two ways, as switches: the fake can be had in either reading.

A default is the reading that more sources have, or else the one that asks more of a caller.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any


class OtherPlan(Enum):
    UNAUTHORIZED = 401
    NOT_FOUND = 404


class ReferenceFilter(Enum):
    EXACT = "exact"
    PARTIAL = "partial"
    IGNORED = "ignored"


class LateCancel(Enum):
    CONFLICT = "409 with conflict_send_at"
    EMPTY_CONFLICT = "409 with an empty body"
    OK = "200"


class LateUpdate(Enum):
    FORBIDDEN = 403
    CONFLICT = 409


class StrictValidation(Enum):
    IN_REPORT = "in the report"
    AT_ONCE = "at once"


class NameTaken(Enum):
    FORBIDDEN = 403
    CONFLICT = 409
    ALLOWED = None


class MediaFailure(Enum):
    ABORTED = "Aborted"
    FAILED = "Failed"
    REJECTED = "Rejected"


class RefusalBody(Enum):
    """Values are those of ``refusals.Shape``."""

    CODE_AND_TEXT = "sinch"
    CODE_AND_DESCRIPTION = "description"
    FRAMEWORK = "framework"
    ERROR_OBJECT = "error-object"


@dataclass(frozen=True, slots=True)
class Readings:
    """One switch for each point that is uncertain and shows on the wire."""

    plus_in_answers: bool = False
    """Numbers in answers and callbacks: digits alone (end-to-end samples of the SDKs), or as ``+1…`` (fixtures)."""

    canceled_as_text: bool = False
    """``canceled`` of a batch: a boolean (models), or ``"True"`` and ``"False"`` (a sample of 2020)."""

    other_plan: OtherPlan = OtherPlan.UNAUTHORIZED
    """A token beside another service plan: 401, or 404 as for a wrong region. Status codes name both."""

    reference_filter: ReferenceFilter = ReferenceFilter.EXACT
    """``client_reference`` in a list: the whole text, a part of it, or ignored, as before it was added.
    Release notes."""

    late_cancel: LateCancel = LateCancel.CONFLICT
    """Cancel when all is on its way: 409 (list of answers), with the code of the older Java SDK or empty; or 200, as
    "it does nothing" in the same page says."""

    late_update: LateUpdate = LateUpdate.FORBIDDEN
    """Update when the batch has been sent: 403 (pages of 2020), or 409 as for cancel; ``batch_already_dispatched``."""

    older_update_names: bool = False
    """``toAdd`` and ``toRemove`` in an update: refused, or taken beside ``to_add``, ``to_remove`` (older samples)."""

    strict_validation: StrictValidation = StrictValidation.IN_REPORT
    """A medium that ``strict_validation`` refuses: in the report, or 400 at the send. MMS support is silent."""

    media_taken: bool = True
    """``mt_media`` in this region and plan: taken, or 403. MMS support; the word code of the 403 is not known."""

    blanks_without_parameters_abort: bool = True
    """``${…}`` in a batch without ``parameters``: the message aborts with 405, or the text goes out as it is.
    Delivery reports do not say."""

    media_failure: MediaFailure = MediaFailure.ABORTED
    """The state that goes with 414 to 418: Aborted, Failed or Rejected. Delivery reports name the codes alone."""

    gateway_codes: bool = False
    """Codes of the older MMS API, such as 3003: kept behind 414 to 418, or seen as ``code``. MMS JSON API, 2021."""

    expired_is_aborted: bool = False
    """406: Expired, or Aborted (pages of 2021)."""

    cancelled_is_aborted: bool = False
    """407: Cancelled, or Aborted (older pages)."""

    cancelled_in_report: bool = False
    """A scheduled batch cancelled in time: its report is empty (pages of 2020, Java SDK), or has 407 for everybody."""

    capital_statuses: bool = False
    """Delivery states: ``Delivered`` (samples), or ``DELIVERED`` (Python SDK)."""

    total_as_text: bool = False
    """``total_message_count``: a number (models), or a text (OpenAPI file of 2022)."""

    recipient_code_as_text: bool = False
    """``code`` in a recipient's report: a number (models), or a text (a sample of 2020)."""

    message_part: bool = False
    """Dry run: ``number_of_parts`` (SDK models), or ``message_part`` (OpenAPI file of 2022)."""

    camel_content_type: bool = False
    """Inbound media: ``content_type`` (SDK models), or ``contentType`` (a sample of the OpenAPI file)."""

    capital_upload_status: bool = False
    """Inbound media: ``Uploaded`` (SDK models), or ``UPLOADED`` (a sample of the OpenAPI file)."""

    repeats_signed_anew: bool = True
    """A callback that is repeated: a new nonce, time and signature, or the same as the first. Webhooks are silent."""

    group_deleted_without_content: bool = False
    """Delete a group: 200 (OpenAPI file), or 204 (pages)."""

    group_name_taken: NameTaken = NameTaken.FORBIDDEN
    """A name that another group has: ``conflict_group_name`` as 403 or as 409 (older Java SDK), or it is taken."""

    refusal_body: RefusalBody = RefusalBody.CODE_AND_TEXT
    """Bodies of 400 and 403: ``{code, text}`` (status codes), or one of the three others that samples show."""

    @classmethod
    def alternatives(cls) -> tuple[Readings, ...]:
        """Every other reading: each differs from the default in one switch. ``str`` of it says in which."""
        usual = cls()
        return tuple(
            usual.changed({name: _word(other)})
            for name in SWITCHES
            for other in _values(getattr(usual, name))
            if other != getattr(usual, name)
        )

    def __str__(self) -> str:
        usual = Readings()
        changed = (name for name in SWITCHES if getattr(self, name) != getattr(usual, name))
        return ",".join(f"{name}={_word(getattr(self, name))}" for name in changed) or "usual"

    def to_json(self) -> dict[str, str]:
        """Switch → reading, in words."""
        return {name: _word(getattr(self, name)) for name in SWITCHES}

    def changed(self, words: dict[str, str]) -> Readings:
        """With some switches set, by the words of ``to_json``.

        Raises:
            ValueError: there is no such switch, or no such reading of it.
        """
        values: dict[str, Any] = {}
        for name, word in words.items():
            if name not in SWITCHES:
                raise ValueError(f"there is no reading {name!r}")
            by_word = {_word(value): value for value in _values(getattr(self, name))}
            if word not in by_word:
                raise ValueError(f"{name} is one of {', '.join(by_word)}")
            values[name] = by_word[word]
        return replace(self, **values)


SWITCHES = tuple(field.name for field in fields(Readings))


def _values(one: object) -> tuple[object, ...]:
    return tuple(type(one)) if isinstance(one, Enum) else (False, True)


def _word(value: object) -> str:
    return value.name.lower() if isinstance(value, Enum) else str(value).lower()
