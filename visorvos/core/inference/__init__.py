"""One video: which frames to remember, where they are kept, and the masks that follow."""
