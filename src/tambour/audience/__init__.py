"""Who is written to: audiences and the addresses in them."""

from tambour.audience.csv_file import load_csv, require_address

__all__ = ["load_csv", "require_address"]
