"""The sandbox from a shell: ``python -m sandbox`` serves it, ``python -m sandbox demo`` tells the story.

Exit status: 0 done, 1 the story did not go as it should or was stopped, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.serving import serve
from sandbox.story.play import play
from sandbox.story.teller import Teller

DONE, NO = 0, 1
_FOLDER = "mms-bot-sandbox-"


def main(argv: Sequence[str] = ()) -> int:
    """Run one command, without arguments ``serve``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A Slack and a Sinch of your own on this machine, to try the bot."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands.add_parser("serve", help="serve both until Ctrl-C, and say how the bot gets there (default)")
    commands.add_parser("demo", help="play a story with the real bot between them, and check it")
    arguments = parser.parse_args(argv)
    # A terminal that can't show a character of a text gets a question mark, never a failure.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        status = _demo() if arguments.command == "demo" else _serve()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has had enough, as with `| head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NO
    return status


def _serve() -> int:
    async def run() -> None:
        stop = asyncio.Event()
        _on_signals(stop.set)
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            await serve(Path(folder), stop, say=lambda text: print(text, flush=True))

    asyncio.run(run())
    return DONE


def _demo() -> int:
    async def run() -> bool:
        story = asyncio.current_task()
        assert story is not None  # noqa: S101  asyncio.run has made it
        _on_signals(lambda: story.cancelling() or story.cancel())
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            return await play(Path(folder), Teller.on(sys.stdout, os.environ))

    try:
        return DONE if asyncio.run(run()) else NO
    except asyncio.CancelledError:
        print("\nThe story was stopped before its end.", file=sys.stderr)
        return NO


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
