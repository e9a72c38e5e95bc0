"""A page to click on: a workspace on the left, phones on the right, the real bot between the two fakes."""
