"""A long steady stream of submissions to one process, to see whether its memory or its open files grow."""
