"""Slack's side of the bot: what people type, what they see, and the doors they come through."""
