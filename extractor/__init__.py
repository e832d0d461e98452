"""Backfill SaaS vendors that have no bulk export, at their full rate limit, into any dlt destination."""
