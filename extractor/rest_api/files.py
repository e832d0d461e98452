"""A user's file: it is imported under its own name, as `import shop` would, and never as a script."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from extractor.errors import UsageError
from extractor.rest_api.translation import Translation, translate

__all__ = ["Found", "find", "read"]

_CONFIG = "config"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What stands in a user's file.

    Attributes:
        config: what is to be a `RESTAPIConfig`.
        name: of the vendor, the file's stem.
        rate_limit: what stands beside it.
        reference: `file.py:name`, with the name that was left out.
    """

    config: object
    name: str
    rate_limit: object
    reference: str

    def translated(self) -> Translation:
        """The configuration, understood.

        Raises:
            UsageError: it can't be kept.
        """
        return translate(self.config, name=self.name, rate_limit=self.rate_limit, configuration=self.reference)


def read(reference: str, *, vendor: str | None = None, rate_limit: str | None = None) -> Translation:
    """The configuration that `file.py:name` means; `config` if no name is given.

    A `rate_limit` beside it says how often the vendor may be asked.

    Args:
        reference: the file and the name in it.
        vendor: what it is called instead of the file's name.
        rate_limit: instead of the file's own.

    Raises:
        UsageError: there is no such file or name, the file fails, or the configuration can't be kept.
    """
    found = find(reference)
    return replace(found, name=vendor or found.name, rate_limit=rate_limit or found.rate_limit).translated()


def find(reference: str) -> Found:
    """What `file.py:name` means; the file is imported anew.

    Raises:
        UsageError: there is no such file or name, or the file fails.
    """
    file, _, name = reference.partition(":")
    path = Path(file).expanduser().absolute()
    name = name or _CONFIG
    if not path.is_file():
        raise UsageError(f"There is no file {file}.")
    if not path.stem.isidentifier():
        raise UsageError(f"{file}: pipeline, dataset and schema are called after the file; {path.stem!r} is no name.")
    module = _imported(path)
    if not hasattr(module, name):
        found = [each for each, value in vars(module).items() if isinstance(value, dict) and "resources" in value]
        hint = f" It has: {', '.join(found)}." if found else ""
        raise UsageError(f"{file} has no {name!r}.{hint}")
    return Found(
        config=getattr(module, name),
        name=path.stem,
        rate_limit=getattr(module, "rate_limit", None),
        reference=f"{file}:{name}",
    )


def _imported(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) != str(path):
        raise UsageError(f"{path.name}: {path.stem!r} is the name of another module; rename the file.")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path.name} can't be imported.")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    folder = str(path.parent)
    if folder not in sys.path:
        # For what the file imports from beside it, now and later.
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[path.stem]
        raise UsageError(f"{path.name} can't be imported: {type(error).__name__}: {error}") from error
    return module
