"""Who is written to: audiences and the addresses in them."""

from tambour.audience.addresses import require_address
from tambour.audience.csv_file import load_csv
from tambour.audience.people import Audience

__all__ = ["Audience", "load_csv", "require_address"]
