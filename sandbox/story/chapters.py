"""The chapters. Each one acts, draws what really came of it, and checks it at the fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.sinch.faults import Reset, Status
from sandbox.sinch.lives import Script
from sandbox.sinch.refusals import Shape
from sandbox.slack.dialog import Outcome
from sandbox.slack.people import ADA, SAM
from sandbox.story.stage import FOUND_WITHIN_S, Stage, any_message, button, is_result, typed

PICTURE = "https://example.com/parcel.jpg"
NOTHING_SENT = "Nothing was sent"  # the bot's promise: these words stand in every refusal

# 555-01xx is kept free for fiction.
CUSTOMER = "+12015550123"
GUESTS = ("+12015550124", "+12015550125", "+12015550126")
TEAM = ("+12015550127", "+12015550128")
STRANGERS_AIM = "+12015550129"
REFUSED_FIRST = "+12015550130"
ANSWER_LOST = "+12015550131"
MEMBERS = ("+12015550132", "+12015550133")
OPTED_OUT = "+12015550134"


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    tell: Callable[[Stage], Awaitable[None]]


async def picture_message(stage: Stage) -> None:
    stage.say(
        "ann wants to show a customer that a parcel has come. In Slack, the chat where her team works, she types the "
        "command /mms with the customer's number and a text behind it:"
    )
    await stage.types("ann", "+1 201 555 0123 Your parcel is here")
    dialog = await stage.dialog("ann")
    stage.checks.equal(
        "what the command filled in",
        expected={"to": "+1 201 555 0123", "message": "Your parcel is here"},
        seen=typed(dialog),
    )
    dialog.type_in({"media_url": PICTURE})
    stage.say(
        "The bot opens a dialog in which the number and the text already stand. ann adds the address of a picture and "
        f"presses “{button(dialog)}”:"
    )
    stage.draw_dialog(dialog, hints=True)
    await stage.send("ann", dialog)
    stage.say("The dialog closes at once. The bot hands the message to Sinch and tells ann what Sinch says:")
    told = await stage.answer("ann", is_last=is_result)
    stage.say("And this is the customer's phone:")
    stage.draw_phones(CUSTOMER)
    stage.check_sent("ann", told, phones=[CUSTOMER], shows=f"MMS | Your parcel is here | {PICTURE}")


async def several_recipients(stage: Stage) -> None:
    stage.say(
        "ben may send too, because he is in the group @support. He has a text for three guests and no picture, so "
        "that it goes out as a plain text message (SMS). He types the command alone:"
    )
    await stage.types("ben", "")
    dialog = await stage.dialog("ben")
    stage.checks.equal("what the command filled in", expected={}, seen=typed(dialog))
    dialog.type_in(
        {
            "to": "(201) 555-0124, 201-555-0125\n+1 201 555 0126",
            "message": "Your table is ready. See you soon!",
        }
    )
    stage.say("The dialog comes up empty. He pastes the numbers just as he has them, writes the text and sends it:")
    stage.draw_dialog(dialog)
    await stage.send("ben", dialog)
    told = await stage.answer("ben", is_last=is_result)
    stage.say("One batch at Sinch, three phones:")
    stage.draw_phones(*GUESTS)
    stage.check_sent("ben", told, phones=GUESTS, shows="SMS | Your table is ready. See you soon!")


async def wrong_number(stage: Stage) -> None:
    stage.say("ann writes to two colleagues. One of their numbers is not complete, and she does not notice:")
    await stage.types("ann", "")
    dialog = await stage.dialog("ann")
    dialog.type_in({"to": "+1 201 555 0127, 555-12", "message": "The office is closed tomorrow."})
    before = len(stage.sinch.requests)
    answer = await stage.send("ann", dialog)
    stage.say(f"When she presses “{button(dialog)}”, the dialog stays open and says below the field what is wrong:")
    stage.draw_dialog(dialog)
    stage.checks.equal("what became of the first press", expected=Outcome.ERRORS, seen=answer.outcome)
    stage.checks.equal("fields with an error", expected=["to"], seen=list(answer.errors))
    stage.checks.contains("the error below the field", expected="555-12", seen=answer.errors.get("to", ""))
    stage.checks.equal("requests to Sinch so far", expected=0, seen=len(stage.sinch.requests) - before)
    corrected = "+1 201 555 0127, 201-555-0128"
    dialog.type_in({"to": corrected})
    stage.say(f"Nothing has left the bot yet. ann completes the number ({corrected}) and presses it again:")
    await stage.send("ann", dialog)
    told = await stage.answer("ann", is_last=is_result)
    stage.draw_phones(*TEAM)
    stage.check_sent("ann", told, phones=TEAM, shows="SMS | The office is closed tomorrow.")


async def stranger(stage: Stage) -> None:
    stage.say("sam works in the same company, but nobody has put him on the list of people who may send. He tries:")
    before = len(stage.sinch.requests)
    await stage.types("sam", "+1 201 555 0129 Hello from sam")
    told = await stage.answer("sam", is_last=any_message)
    stage.say("He gets no dialog, but the reason and the name of somebody who can help.")
    stage.checks.contains("sam's answer", expected=NOTHING_SENT, seen=told.shown)
    stage.checks.contains("whom sam can ask", expected=f"<@{ADA}>", seen=told.shown)
    stage.checks.equal(
        "dialogs open for sam", expected=0, seen=int(stage.slack.person("sam").open_dialog() is not None)
    )
    stage.checks.equal("requests to Sinch", expected=0, seen=len(stage.sinch.requests) - before)
    stage.check_phone(STRANGERS_AIM, [])
    stage.check_told_privately("sam", told)


async def request(stage: Stage) -> None:
    stage.say("sam has something to send after all. He tries once more, and presses the button below the answer:")
    before = len(stage.sinch.requests)
    await stage.types("sam", "+1 201 555 0129 The bikes are repaired")
    denied = await stage.answer("sam", is_last=any_message)
    asking, label = next(iter(denied.buttons().items()), ("", ""))
    stage.checks.equal("the button below", expected="Ask for access", seen=label)
    await stage.presses("sam", denied, asking)
    told = await stage.answer("sam", is_last=any_message)
    stage.check_told_privately("sam", told)
    stage.say("ada is an admin. The bot tells her in a direct message that he asks:")
    asked = await stage.answer("ada", is_last=any_message)
    stage.checks.contains("who asks", expected=f"<@{SAM}>", seen=asked.shown)
    stage.check_told_privately("ada", asked)
    labels = {text: action_id for action_id, text in asked.buttons().items()}
    stage.checks.equal("ada's choices", expected=["Allow", "Decline"], seen=list(labels))
    stage.say(
        "She presses “Allow”. Her message then says who decided, and so would those of other admins; sam is told:"
    )
    await stage.presses("ada", asked, labels.get("Allow", ""))
    decided = await stage.changed("ada", asked)
    stage.checks.equal("buttons that are left", expected={}, seen=decided.buttons())
    stage.checks.contains("who decided", expected=f"<@{ADA}>", seen=decided.shown)
    told = await stage.answer("sam", is_last=any_message)
    stage.check_told_privately("sam", told)
    stage.checks.equal("requests to Sinch so far", expected=0, seen=len(stage.sinch.requests) - before)
    stage.say("What he typed before was not sent by that. He types it again, and now the dialog opens:")
    await stage.types("sam", "+1 201 555 0129 The bikes are repaired")
    await stage.send("sam", await stage.dialog("sam"))
    told = await stage.answer("sam", is_last=is_result)
    stage.draw_phones(STRANGERS_AIM)
    stage.check_sent("sam", told, phones=[STRANGERS_AIM], shows="SMS | The bikes are repaired")
    stage.say("Admins can also look at the whole list and change it. ada types:")
    await stage.types("ada", "admin")
    dialog = await stage.dialog("ada")
    stage.draw_dialog(dialog)
    stage.checks.equal("senders whom admins have added", expected=[SAM], seen=dialog.values.get("senders"))
    await dialog.close()


async def refused_token(stage: Stage) -> None:
    stage.say(
        "The bot has a secret token with which Sinch knows it. From now on Sinch does not take it, as if it had "
        "expired. ann does not know and sends something:"
    )
    stage.sinch.faults.add("send", Status(401, Shape.EMPTY), times=None)
    await stage.types("ann", "+1 201 555 0130 Your car is repaired")
    dialog = await stage.dialog("ann")
    before = typed(dialog)
    await stage.send("ann", dialog)
    told = await stage.answer("ann", is_last=is_result)
    stage.checks.contains("what ann reads", expected=NOTHING_SENT, seen=told.shown)
    stage.checks.contains("the code that ann can pass on", expected="SINCH-401", seen=told.shown)
    stage.check_told_privately("ann", told)
    stage.check_phone(REFUSED_FIRST, [])
    again, label = next(iter(told.buttons().items()), ("", ""))
    stage.checks.equal("buttons below the answer", expected=1, seen=len(told.buttons()))
    stage.say(
        "She reads what happened, whether anything was sent, what to do, and a code to pass on. ada, the bot's admin, "
        f"sees to the token; here, Sinch simply takes it again. Then ann presses “{label}”:"
    )
    stage.sinch.faults.clear()
    await stage.slack.person("ann").click(told, again)
    dialog = await stage.dialog("ann")
    stage.draw_dialog(dialog)
    stage.checks.equal("what stands in the dialog", expected=before, seen=typed(dialog))
    stage.say("Everything that she had typed is there. She sends it, and this time Sinch takes it:")
    await stage.send("ann", dialog)
    told = await stage.answer("ann", is_last=is_result)
    stage.draw_phones(REFUSED_FIRST)
    stage.check_sent("ann", told, phones=[REFUSED_FIRST], shows="SMS | Your car is repaired")


async def lost_answer(stage: Stage) -> None:
    stage.say(
        "The hardest case: Sinch takes a message, and the connection breaks before its answer reaches the bot. Was it "
        "sent? If the bot tried again, the phone might get it twice; if it gave up, ann would never know."
    )
    stage.sinch.faults.add("send", Reset(accept=True))
    before = len(stage.sinch.requests)
    await stage.types("ann", "+1 201 555 0131 Your photos are printed")
    await stage.send("ann", await stage.dialog("ann"))
    stage.say(
        "So the bot does not send it again. Each message carries a reference that the bot made before the first try, "
        "and it asks Sinch whether a message with that reference has come in. This takes a moment, then ann reads:"
    )
    told = await stage.answer("ann", is_last=is_result, within_s=FOUND_WITHIN_S)
    requests = stage.sinch.requests[before:]
    stage.say("This is what the bot asked of Sinch meanwhile, and what came back:")
    stage.draw_requests(requests)
    stage.say("The phone has it, once:")
    stage.draw_phones(ANSWER_LOST)
    sends = [seen for seen in requests if seen.operation == "send"]
    stage.checks.equal("times that the message was sent", expected=1, seen=len(sends))
    stage.checks.equal("look-ups, at least one", expected=True, seen=len(requests) > len(sends))
    stage.checks.equal("references in all this", expected=1, seen=len({seen.client_reference for seen in requests}))
    stage.check_sent("ann", told, phones=[ANSWER_LOST], shows="SMS | Your photos are printed")


async def delivered_or_not(stage: Stage) -> None:
    stage.say(
        "“Accepted” means that Sinch has a message. Whether it reached everybody is another question, and the bot "
        "follows each recipient to the end. ben reminds three members of their class. One of them wrote STOP some "
        "time ago:"
    )
    stage.sinch.phones.script(OPTED_OUT, Script(code=257))
    await stage.types("ben", "")
    dialog = await stage.dialog("ben")
    dialog.type_in({"to": "\n".join((*MEMBERS, OPTED_OUT)), "message": "Your class begins at six."})
    await stage.send("ben", dialog)
    told = await stage.answer("ben", is_last=is_result)
    stage.say(
        "As long as all goes well the bot is quiet. It tells a failure as soon as it knows of one, and the rest when "
        "nothing more is to come. (Here it asks Sinch every few seconds; with a public address, Sinch calls it.)"
    )
    news = await stage.news("ben", told)
    stage.checks.contains("what became of the three", expected="2 delivered and 1 failed", seen=news.shown)
    stage.check_told_privately("ben", news)
    unfold, label = next(iter(news.buttons().items()), ("", ""))
    stage.say(f"Which one, and why? ben presses “{label}”:")
    await stage.presses("ben", news, unfold)
    unfolded = await stage.changed("ben", news)
    stage.checks.contains("whom it did not reach", expected=OPTED_OUT, seen=unfolded.shown)
    stage.checks.contains("the carrier's own code", expected="CARRIER-257", seen=unfolded.shown)
    stage.checks.equal("others named there", expected=[], seen=[one for one in MEMBERS if one in unfolded.shown])
    stage.say("Two phones have it, and the third was left in peace:")
    stage.draw_phones(*MEMBERS, OPTED_OUT)
    shows = "SMS | Your class begins at six."
    stage.check_sent("ben", told, phones=MEMBERS, shows=shows, stopped=[OPTED_OUT])


CHAPTERS = (
    Chapter("A picture reaches a phone", picture_message),
    Chapter("One text for several people", several_recipients),
    Chapter("A wrong number", wrong_number),
    Chapter("Somebody who may not send", stranger),
    Chapter("He asks, and an admin lets him in", request),
    Chapter("Sinch refuses the bot's token", refused_token),
    Chapter("A lost answer is found again", lost_answer),
    Chapter("Delivered to two, and one opted out", delivered_or_not),
)
