"""Measurements of whole backfills against the sandbox; each command prints what it measured."""
