"""Activation: audiences become plans, plans become requests, answers become state.

`state` keeps what each destination is known to hold, `plan` compares it with what it
should hold, `apply` sends exactly a plan. Only hashes of what was sent are kept.
"""
