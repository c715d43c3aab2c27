"""
Words: templates and events in, what readers read out.

Nothing here knows channels, MIME or the ledger; the same call serves preview, test and
delivery. Read `mail` and `posts` first, then `parts` and `templates`.
"""

from tambour.rendering.checking import check
from tambour.rendering.mail import is_personal, render_mail
from tambour.rendering.parts import Job
from tambour.rendering.posts import render_post
from tambour.rendering.templates import Templates

__all__ = [
    "Job",
    "Templates",
    "check",
    "is_personal",
    "render_mail",
    "render_post",
]
