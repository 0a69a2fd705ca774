"""Stands in for dbt's cross-database macros when sqlfluff renders the models."""


def type_string() -> str:
    """The type of texts."""
    return "varchar"
