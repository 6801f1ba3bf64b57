"""The same work done plainly, as the reference does it, to measure against and to check with."""
