"""Vendors as data: one short file each, found by its name.

A module of this package that is called `acme` and has a `VENDOR` is the vendor `acme`; it is imported when asked for.
"""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module

from extractor.errors import UsageError
from extractor.model import Vendor

__all__ = ["load", "names"]


def names() -> tuple[str, ...]:
    """Every vendor there is, in alphabetical order; nothing is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def load(name: str) -> Vendor:
    """The vendor of this name.

    Raises:
        UsageError: there is none; the message names those there are.
    """
    known = names()
    # The check comes before the import: a name from the command line must not choose a module elsewhere.
    if name not in known:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(f"There is no vendor {name!r}.{hint} Vendors: {', '.join(known) or 'none'}.")
    vendor = import_module(f"{__name__}.{name}").VENDOR
    if not isinstance(vendor, Vendor):
        raise TypeError(f"{__name__}.{name}.VENDOR is a {type(vendor).__name__}, not a Vendor")
    return vendor
