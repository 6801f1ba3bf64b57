"""The options of every command, validated: a file a command."""
