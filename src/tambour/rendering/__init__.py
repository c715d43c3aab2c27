"""
Words: templates and events in, what readers read out.

Nothing here knows channels, MIME or the ledger; the same call serves preview, test and
delivery. Read `mail` and `posts` first, then `parts` and `templates`. Nothing is
gathered here: who only sends needs the words of greetings, and no templates.
"""
