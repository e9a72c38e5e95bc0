"""The file ``.env``: one value is put in, and everything else in it stays as it was."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dotenv import set_key

_MODE = 0o600  # tokens are in it
_PLAIN = re.compile(r"[A-Za-z0-9_.,:;/@%+=?&-]*")  # what every reader of such files takes as it is, without quotes


class NotOneLineError(ValueError):
    """A value with a line end can't stand in such a file."""


def put(file: Path, name: str, value: str) -> None:
    """Set ``name`` in the file, which is made if it is not there. Afterwards only its owner can read it.

    Raises:
        NotOneLineError: see there.
        OSError: the file can't be written.
    """
    if not value.isprintable():
        raise NotOneLineError(name)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, _MODE))
    file.chmod(_MODE)
    text = file.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        file.write_text(f"{text}\n", encoding="utf-8")
    # The library writes another file and puts it in the place of this one: a stop in between harms nothing.
    set_key(file, name, value, quote_mode="never" if _PLAIN.fullmatch(value) else "always")
    file.chmod(_MODE)
