"""Vendors as data: one short file each, found by its name.

A module of this package that is called `acme` and has a `VENDOR` is the vendor `acme`; it is imported when asked for.
So is what reads a user's own configuration: `shop.py:config` means the vendor that is described there.
"""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module
from pathlib import Path

from extractor.errors import UsageError
from extractor.model import Vendor

__all__ = ["is_configuration", "load", "names"]


def names() -> tuple[str, ...]:
    """Every vendor there is, in alphabetical order; nothing is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def is_configuration(name: str) -> bool:
    """Whether it means a file, `shop.py:config`, and none of the names."""
    return Path(name.partition(":")[0]).suffix == ".py"


def load(name: str | Vendor) -> Vendor:
    """The vendor of this name, or the one that a configuration describes; one that was loaded already as it is.

    Raises:
        UsageError: there is none; the message names those there are. Or the configuration can't be.
    """
    if isinstance(name, Vendor):
        return name
    if is_configuration(name):
        from extractor import rest_api  # noqa: PLC0415 - brings dlt

        return rest_api.read(name).vendor
    known = names()
    # The check comes before the import: a name from the command line must not choose a module elsewhere.
    if name not in known:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"There is no vendor {name!r}.{hint} Vendors: {', '.join(known) or 'none'}; "
            "or a configuration of your own, FILE.py:NAME."
        )
    vendor = import_module(f"{__name__}.{name}").VENDOR
    if not isinstance(vendor, Vendor):
        raise TypeError(f"{__name__}.{name}.VENDOR is a {type(vendor).__name__}, not a Vendor")
    return vendor
