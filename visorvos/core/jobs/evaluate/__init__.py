"""``visorvos evaluate``."""
