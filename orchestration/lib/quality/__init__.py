"""The gate: rules, verdicts on rows, and expectations on whole exports.

`rules` is the registry, `suites` binds rules to columns, `contacts` knows addresses and
numbers, `judge` writes verdicts, `expectations` lets Great Expectations count them.
"""
