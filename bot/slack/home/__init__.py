"""The Home tab: somebody's own messages and what became of them, and for admins how things stand as a whole."""
