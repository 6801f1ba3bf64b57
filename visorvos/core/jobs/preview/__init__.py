"""``visorvos preview``."""
