"""Scores and masks as people look at them: tables, overlays."""
