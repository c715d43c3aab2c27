"""
Calendars on the web: fetched now and then, and kept as they last were good.

`fetching` asks a server, `keeping` decides what its answer is worth.
"""

from tambour.feeds.fetching import Patience
from tambour.feeds.keeping import refresh_feeds

__all__ = ["Patience", "refresh_feeds"]
