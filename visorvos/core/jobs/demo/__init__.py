"""``visorvos demo``."""
