"""The sandbox from a shell: ``python -m sandbox page`` serves it with the real bot and a page to click on, ``demo``
tells the story, and ``serve`` (the default) serves the two fakes alone.

Exit status: 0 done, 1 the story did not go as it should or was stopped, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.page.serve import serve_page
from sandbox.serving import serve
from sandbox.story.play import play
from sandbox.story.teller import Teller

DONE, NO, WRONG_USE = 0, 1, 2
HOST = "127.0.0.1"
_FOLDER = "mms-bot-sandbox-"


def main(argv: Sequence[str] = ()) -> int:
    """Run one command, without arguments ``serve``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A Slack and a Sinch of your own on this machine, to try the bot."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands.add_parser("serve", help="serve both until Ctrl-C, and say how the bot gets there (default)")
    commands.add_parser("demo", help="play a story with the real bot between them, and check it; then the page")
    page = commands.add_parser("page", help="serve both, the real bot between them, and a page to click on")
    page.add_argument("--host", type=_loopback, default=HOST, help=f"an address of this machine (default: {HOST})")
    page.add_argument("--port", type=_port, default=0, help="port of the page (default: a free one)")
    arguments = parser.parse_args(argv)
    # A terminal that can't show a character of a text gets a question mark, never a failure.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        match arguments.command:
            case "demo":
                status = _demo()
            case "page":
                status = _page(arguments.host, arguments.port)
            case _:
                status = _serve()
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


def _page(host: str, port: int) -> int:
    async def run() -> None:
        stop = asyncio.Event()
        _on_signals(stop.set)
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            await serve_page(Path(folder), stop, say=lambda text: print(text, flush=True), host=host, port=port)

    try:
        asyncio.run(run())
    except OSError as error:
        print(f"The page can't be served on {host}:{port} ({error.strerror or error}).", file=sys.stderr)
        return WRONG_USE
    return DONE


def _loopback(host: str) -> str:
    try:
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{host!r} is not an address of this machine alone, such as {HOST} or ::1")


def _port(raw: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", raw) or int(raw) > 65535:
        raise argparse.ArgumentTypeError(f"{raw!r} is not a port")
    return int(raw)


def _demo() -> int:
    async def run() -> bool:
        story = asyncio.current_task()
        assert story is not None  # noqa: S101  asyncio.run has made it
        _on_signals(lambda: story.cancelling() or story.cancel())
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            return await play(Path(folder), Teller.on(sys.stdout, os.environ))

    try:
        good = asyncio.run(run())
    except asyncio.CancelledError:
        print("\nThe story was stopped before its end.", file=sys.stderr)
        return NO
    if good and sys.stdout.isatty():
        print("\nAnd now yourself.\n")
        return _page(HOST, 0)
    return DONE if good else NO


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
