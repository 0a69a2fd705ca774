"""Publishing: read-only copies of the marts that others may keep open."""
