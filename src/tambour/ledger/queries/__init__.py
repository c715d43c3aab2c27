"""
Every statement the ledger executes, each named and described.

Contain no control flow and no business rule but the transition table. `keeping` writes
and reads what the ledger remembers, `moving` takes deliveries from state to state,
`asking` answers questions. Parameters are named after what they hold; `b_` marks those
of an executemany.
"""
