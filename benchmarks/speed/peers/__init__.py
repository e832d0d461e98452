"""Scripts for the peers' own interpreters: each knows its peer's packages and nothing of ours.

What a peer loads is counted where it loaded it; one that loads nothing prints a JSON line with what it counted.
"""
