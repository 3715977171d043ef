"""Diagnostics: codes, renderers and the commands that print them."""
