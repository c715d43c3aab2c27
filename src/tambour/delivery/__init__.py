"""
Delivery: from frozen editions to the wire, and back into the ledger.

Start with `session` (claim, transmit, record), which `waves` and `flow` begin for each
channel; `retry`, `budget` and `congestion` say when, `freezing` makes editions out of a
plan, `routes` makes messages out of frozen words.
"""
