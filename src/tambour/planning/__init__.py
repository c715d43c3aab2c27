"""What is announced when, to whom, and why not: pure rules, without clock or I/O."""

from tambour.planning.plan import make_plan

__all__ = ["make_plan"]
