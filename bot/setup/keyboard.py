"""A person at a terminal."""

from __future__ import annotations

import getpass
import sys

from bot.setup.init import StoppedError


class Keyboard:
    """See ``bot.setup.init.Terminal``. What is secret is typed without being shown."""

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def ask(self, prompt: str) -> str:
        try:
            return input(prompt)
        except EOFError:
            raise StoppedError from None

    def ask_secret(self, prompt: str) -> str:
        try:
            return getpass.getpass(prompt)
        except EOFError:
            raise StoppedError from None
