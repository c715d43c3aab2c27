"""Tambour announces events before they start, once, and never after."""
