"""Generated videos and releases, for the demo and the benchmark."""
