"""Admins decide in Slack who may send: words, a dialog, requests, and what people read about it."""
