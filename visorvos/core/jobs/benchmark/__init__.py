"""``visorvos benchmark``."""
