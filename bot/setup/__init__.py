"""``mms-bot init``: asks for what is missing, checks it at once, and keeps it in ``.env``."""
