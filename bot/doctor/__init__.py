"""Checks the whole set-up and says what is wrong, who mends it, and where. Sends nothing unless told to."""

from bot.doctor.examine import Doctor, examine, send_test
from bot.doctor.findings import Finding, Mark

__all__ = ["Doctor", "Finding", "Mark", "examine", "send_test"]
