"""`visorvos annotate`: the session on disk, the thread that propagates, the server and its page."""
