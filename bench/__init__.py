"""Measures the bot, on this machine alone: it needs no account, and reads no setting."""
