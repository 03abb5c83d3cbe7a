"""The speed benchmark: rnnlib against its peers, on one machine."""
