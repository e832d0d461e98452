"""What a resource does to its records before they are loaded: processing steps, and the range of an incremental.

The steps are dlt's own objects, run in dlt's order, once for each page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from dlt.common.configuration import inject_section
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.pipeline import StateInjectableContext
from dlt.extract import Incremental
from dlt.extract.items import DataItemWithMeta
from dlt.extract.items_transform import ItemTransform

from extractor.errors import BadBody

__all__ = ["Range", "Steps", "bound", "resolved"]


class Range:
    """What dlt's `Incremental` knows of the pipe that it filters: it closes a root's when it has left its range.

    Args:
        name: of the resource.
        has_parent: dlt never closes those of children.
    """

    def __init__(self, name: str, *, has_parent: bool) -> None:
        self.name = name
        self.has_parent = has_parent
        self.left = False

    def close(self) -> None:
        """No further page is wanted."""
        self.left = True


def resolved(name: str, resource: str, incremental: Incremental[Any]) -> Incremental[Any]:
    """The incremental with what dlt's configuration adds to it; of two rows with one key, both pass.

    dlt drops a row that an earlier run of the pipeline has loaded; here there is none before.

    Raises:
        ConfigurationValueError: its range makes no sense.
    """
    own = incremental.copy()
    own.set_deduplication_key((), from_hints=False)
    with _sections(name, resource):
        if not own.is_resolved():
            own.resolve()
    return own


def bound(name: str, incremental: Incremental[Any], rows: Range) -> Incremental[Any]:
    """A copy for one listing, at the beginning of its range."""
    own = incremental.copy()
    with _sections(name, rows.name), Container().injectable_context(StateInjectableContext(state={})):
        return own.bind(rows)  # type: ignore[arg-type]


class Steps:
    """The steps of one listing.

    Args:
        name: of the resource.
        steps: in order.
    """

    def __init__(self, name: str, steps: Sequence[ItemTransform[Any, Any]]) -> None:
        self._name = name
        self._steps = steps

    def run(self, rows: list[object]) -> list[object]:
        """What the steps make of a page.

        Raises:
            BadBody: a step failed, or made what can't be carried.
        """
        try:
            return list(self._through(0, rows))
        except BadBody:
            raise
        except Exception as error:
            raise BadBody(f"{self._name}: a processing step failed: {type(error).__name__}: {error}") from error

    def _through(self, number: int, item: Any) -> Iterator[object]:  # noqa: ANN401 - whatever a step makes
        for step in self._steps[number:]:
            number += 1
            item = step(item)
            if item is None:
                return
            if isinstance(item, Iterator):
                for one in item:
                    yield from self._through(number, one)
                return
        for row in item if isinstance(item, list) else [item]:
            if isinstance(row, DataItemWithMeta | Awaitable) or callable(row):
                raise BadBody(f"{self._name}: a processing step made a {type(row).__name__}, which can't be carried")
            yield row


def _sections(name: str, resource: str) -> AbstractContextManager[object]:
    """Where dlt looks for what the configuration leaves open."""
    context = ConfigSectionContext(sections=("sources", "rest_api", resource), source_state_key=name)
    return inject_section(context)
