"""The command line: the only room with Typer, rich and exit codes."""
