"""The ledger's migrations, in order; run by `opening`, inside one transaction."""
