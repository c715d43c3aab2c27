"""
An edition's words and one recipient, made into the bytes that a channel carries.

Pure: no clock, no network, no randomness; the same input gives the same bytes. What
costs time is done once per edition, per recipient only a few values are filled in.
"""
