"""The speed benchmark: rnnlib against its peers, in one process."""
