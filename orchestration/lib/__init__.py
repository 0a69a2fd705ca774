"""Plain Python: never imports dagster; folders here do not import each other."""
