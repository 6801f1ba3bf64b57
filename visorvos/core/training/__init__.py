"""Training of the network on clips."""
