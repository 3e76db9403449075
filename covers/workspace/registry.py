"""The names of what lies in a workspace."""

from __future__ import annotations

CONFIG_NAME = "covers.toml"
