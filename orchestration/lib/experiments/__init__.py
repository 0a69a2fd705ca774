"""Experiments: who gets what, and what came of it."""
