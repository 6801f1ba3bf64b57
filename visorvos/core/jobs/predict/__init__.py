"""``visorvos predict``."""
