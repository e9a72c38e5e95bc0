"""``python -m bot`` is the same as ``mms-bot``."""

import sys

from bot.cli import main

sys.exit(main())
