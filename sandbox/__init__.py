"""A strict fake Slack and a strict fake Sinch on loopback: the demo, the tests and the benchmarks use these two."""
