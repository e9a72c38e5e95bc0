"""The story that ``make demo`` tells: the real bot between the fakes, drawn in a terminal."""
