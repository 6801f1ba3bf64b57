"""``visorvos benchmark``: what is measured, and how."""
