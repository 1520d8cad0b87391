"""Fixtures shared by every room."""

pytest_plugins = ["tests.card.fixtures"]
