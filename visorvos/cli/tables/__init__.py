"""Results as tables: a file a command, each turning a job's result into something rich can print."""
