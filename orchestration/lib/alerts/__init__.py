"""Telling people once when something begins to fail, and once when it works again."""
