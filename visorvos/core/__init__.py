"""The library. It never imports the command line."""
