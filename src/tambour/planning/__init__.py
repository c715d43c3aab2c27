"""What is announced when, to whom, and why not: pure rules, without clock or I/O."""

from tambour.planning.plan import make_plan
from tambour.planning.revisions import revise

__all__ = ["make_plan", "revise"]
