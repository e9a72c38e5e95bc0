"""Programs that are measured beside the bot, each by itself: from the floor to what one would usually write.

``python -m bench.contenders.NAME --slack URL --database PATH`` listens on a port of its own and prints it.
"""
