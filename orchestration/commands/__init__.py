"""Commands of `crm360` that are more than a few lines."""
