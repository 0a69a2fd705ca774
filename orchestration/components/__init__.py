"""Repeated Dagster shapes: factories that `defs` calls once per thing."""
