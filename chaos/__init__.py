"""A seeded campaign against the real bot: many people press Send while everything around them breaks.

It ends with a table. No phone may get a submission twice, and nobody whose submission was taken may hear nothing.
``chaos.soak`` has the same people press for a long time while nothing breaks, and looks at what the bot holds.
"""
