"""Vendors that cannot be reached from a laptop, with a memory and their own rules."""
