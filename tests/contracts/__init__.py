"""Suites that every implementation of a seam passes."""

import pytest

pytest.register_assert_rewrite("contracts.channel", "contracts.ledger")
