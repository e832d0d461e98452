"""Tables of a user's own configuration: dlt is given its resource's hints as they are, and the records of pages.

What a resource does to its records (filters, maps, the look at an incremental cursor) was done when they were fetched.
Here is what belongs to the table: columns and their validation, keys, contracts, names that depend on a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from dlt.common.json import custom_pua_decode_nested, json, may_have_pua
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.schema.exceptions import DataValidationError
from dlt.common.schema.typing import TTableSchema
from dlt.extract import DltResource, Incremental
from dlt.extract.hints import TResourceHints
from dlt.extract.items_transform import ValidateItem

from extractor.gate import Taken, kept_bytes, printable, take
from extractor.load.tables import Page
from extractor.model import Incident, IncidentKind

__all__ = ["Given", "Marked"]

_DETAIL = 1_000
_ROWS = 2_000


class Given:
    """One resource of a configuration, and the pages that came of it.

    Args:
        resource: as dlt makes it; only its hints are used.
        naming: of the schema.

    Attributes:
        cursor: the column of its incremental cursor, None if there is none.
    """

    def __init__(self, resource: DltResource, naming: NamingConvention) -> None:
        self.name = resource.name
        hints: TResourceHints = DltResource._clone_hints(resource._hints) or {}  # noqa: SLF001 - no other way
        arguments = (resource.explicit_args or {}).values()
        incremental = hints.pop("incremental", None) or next(
            (one for one in arguments if isinstance(one, Incremental)), None
        )
        self.cursor = incremental.get_cursor_column_name() if incremental else None
        self._validator = hints.get("validator")
        if self._validator is not None:
            self._validator.table_name = self.name
            hints["validator"] = _Authority(self._validator)
        self._hints = hints
        columns = hints.get("columns") or {}
        self._columns = {} if callable(columns) else cast("Mapping[str, Mapping[str, Any]]", columns)
        primary = [_Field(name, naming) for name in _names(hints.get("primary_key"))]
        keys = {*_names(hints.get("primary_key")), *_names(hints.get("merge_key"))}
        required = {name for name in {*keys, *self._columns} if self._must_be_there(name, key=name in keys)}
        self._required = [_Field(name, naming, whole=self._whole(name)) for name in sorted(required)]
        self._key = primary if self._last_wins else []

    def _must_be_there(self, column: str, *, key: bool) -> bool:
        """Whether dlt stops at a record without it; what it fills itself is left out."""
        nullable = self._columns.get(column, {}).get("nullable")
        return (nullable is False or (key and nullable is None)) and not column.startswith("_dlt_")

    def _whole(self, column: str) -> bool:
        """Whether an object or a list goes into the column as it is."""
        return self._columns.get(column, {}).get("data_type") == "json"

    @property
    def replaces(self) -> bool:
        """Whether a load takes the place of what its tables held."""
        return _disposition(self._hints).get("disposition") == "replace"

    @property
    def last_stays(self) -> bool:
        """Whether of two records with one key the last one is to stay."""
        return bool(self._key)

    @property
    def _last_wins(self) -> bool:
        """Whether of two records with one key the last is to stay; scd2 keeps both, a sorted column decides itself."""
        how = _disposition(self._hints)
        sorts = any("dedup_sort" in one for one in self._columns.values())
        return how.get("disposition") == "merge" and how.get("strategy") != "scd2" and not sorts

    def resource(self, pages: Sequence[Page], incidents: list[Incident]) -> DltResource:
        """The records of the pages for dlt.

        Args:
            pages: of this resource, in the order they were fetched.
            incidents: added to while dlt reads.
        """
        made = Marked.from_data(self.batches(pages, incidents), name=self.name, hints=self.hints())
        made.cursor = self.cursor
        return made

    def hints(self) -> TResourceHints:
        """What dlt is told of the table, but for the column of an incremental cursor."""
        return DltResource._clone_hints(self._hints)  # noqa: SLF001

    def batches(self, pages: Sequence[Page], incidents: list[Incident]) -> Iterator[list[object]]:
        """The records of the pages, in lists of some thousand: dlt is slow with short ones."""
        last = self._last(pages)
        batch: list[object] = []
        number = 0
        for endpoint, listing, payload in pages:
            page = _Page(endpoint, listing, incidents)
            taken = page.read(payload, self.name)
            kept: list[object] = []
            for position, record in enumerate(taken.records):
                number += 1
                if last and last.get(self._identity(record), number) != number:
                    continue
                if position in taken.notes:
                    page.changed(record, taken.notes[position])
                kept.append(record)
            if may_have_pua(payload):
                custom_pua_decode_nested(kept)
            batch += self._complete(self._valid(kept, page), page)
            if len(batch) >= _ROWS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _last(self, pages: Sequence[Page]) -> dict[object, int]:
        """Of each key the number of the record that was fetched last, counted from 1; dlt would keep any of them."""
        last: dict[object, int] = {}
        number = 0
        for endpoint, listing, payload in pages if self._key else ():
            for record in _Page(endpoint, listing, []).read(payload, self.name).records:
                number += 1
                last[self._identity(record)] = number
        last.pop(None, None)
        return last

    def _identity(self, record: object) -> object:
        """The record's primary key, None if it has none."""
        values = tuple(field.of(record) for field in self._key)
        return None if None in values else values

    def _valid(self, records: list[object], page: _Page) -> list[object]:
        """What a user's model makes of them; a record that it refuses is kept out alone."""
        if self._validator is None or not records:
            return records
        try:
            return self._validator(records) or []
        except (DataValidationError, ValueError):
            if len(records) > 1:
                return [made for record in records for made in self._valid([record], page)]
            page.kept_out(records[0], "is refused by its model")
            return []

    def _complete(self, records: list[object], page: _Page) -> list[object]:
        """Those that have all values that must be there: without one dlt stops."""
        kept: list[object] = []
        for record in records:
            lacking = [field.name for field in self._required if isinstance(record, dict) and field.of(record) is None]
            if lacking:
                page.kept_out(record, f"has no usable {', '.join(lacking)}")
            else:
                kept.append(record)
        return kept


class _Page:
    """Where records come from, for incidents about them."""

    def __init__(self, endpoint: str, listing: str, incidents: list[Incident]) -> None:
        self._endpoint = endpoint
        self._listing = listing
        self._incidents = incidents

    def read(self, payload: bytes, table: str) -> Taken:
        """Its records; none if it can't be read."""
        try:
            return take(payload, table)
        except ValueError:
            self._add(payload, f"a page of {len(payload)} bytes is not JSON; it is in no table", record=True)
            return Taken()

    def changed(self, record: object, note: str) -> None:
        """Some of its values have another form now."""
        self._add(json.dumpb(record), f"kept in another form: {note}", record=False)

    def kept_out(self, record: object, why: str) -> None:
        """It is in no table."""
        raw = json.dumpb(record)
        self._add(raw, f"a record of {len(raw)} bytes {why}; it is in no table", record=True)

    def _add(self, raw: bytes, detail: str, *, record: bool) -> None:
        self._incidents.append(
            Incident(
                kind=IncidentKind.MALFORMED,
                endpoint=self._endpoint,
                key=f"{self._listing}#{hashlib.sha256(raw).hexdigest()[:16]}",
                detail=printable(detail)[:_DETAIL],
                record=kept_bytes(raw) if record else None,
                gap=record,
            )
        )


class _Field:
    """A field as a hint names it, and its value in a record.

    Args:
        whole: objects and lists are values, too.
    """

    def __init__(self, name: str, naming: NamingConvention, *, whole: bool = False) -> None:
        self.name = name
        self._whole = whole
        self._column = naming.normalize_path(name)
        self._naming = naming
        self._names = {name: self._column}

    def of(self, record: object) -> object:
        """Its value; None if there is none, or one that makes no column."""
        if not isinstance(record, dict):
            return None
        found = self._find(record, self._column)
        return None if isinstance(found, dict | list) and not self._whole else found

    def _find(self, record: Mapping[str, object], column: str) -> object:
        if self.name in record and column == self._column:
            return record[self.name]
        for name, value in record.items():
            made = self._names.get(name) or self._names.setdefault(name, self._naming.normalize_identifier(name))
            if made == column:
                return value
            if isinstance(value, dict) and column.startswith(f"{made}__"):
                return self._find(value, column.removeprefix(f"{made}__"))
        return None


class Marked(DltResource):
    """A resource that tells which column its incremental cursor is in, and leaves no record out for it.

    Attributes:
        cursor: the column, None if there is none.
    """

    cursor: str | None = None

    def compute_table_schema(self, item: Any = None, meta: Any = None) -> TTableSchema:  # noqa: ANN401
        """The table as its hints have it."""
        table = super().compute_table_schema(item, meta)
        if self.cursor:
            table["columns"].setdefault(self.cursor, {"name": self.cursor})["incremental"] = True
        return table


class _Authority(ValidateItem):
    """Knows the model's columns; the records have been validated before, one by one where it mattered."""

    def __init__(self, model: ValidateItem) -> None:
        super().__init__(lambda items: items)
        self._model = model

    def __call__(self, item: Any, meta: Any = None) -> Any:  # noqa: ANN401, ARG002 - dlt's own signature
        """The records as they are."""
        return item

    def compute_table_schema(self, item: Any = None, meta: Any = None) -> TTableSchema | None:  # noqa: ANN401
        """As the model has it."""
        return self._model.compute_table_schema(item, meta)


def _disposition(hints: TResourceHints) -> Mapping[str, Any]:
    how = hints.get("write_disposition")
    if isinstance(how, str):
        return {"disposition": how}
    return cast("Mapping[str, Any]", how) if isinstance(how, dict) else {}


def _names(hint: object | Callable[..., object]) -> list[str]:
    """The columns of a key hint; none if it depends on the record."""
    if isinstance(hint, str):
        return [hint] if hint else []
    return [] if hint is None or callable(hint) else list(cast("Sequence[str]", hint))
