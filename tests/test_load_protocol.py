from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from extractor.load.protocol import Target, decode, describe, encode, incident_from, incident_to, receive
from extractor.model import Endpoint, Incident, IncidentKind

texts = st.text(max_size=20)
incidents = st.builds(
    Incident,
    kind=st.sampled_from(IncidentKind),
    endpoint=texts,
    key=texts,
    status=st.none() | st.integers(100, 599),
    path=texts,
    detail=texts,
    record=st.none() | texts,
    attempts=st.integers(1, 9),
    gap=st.booleans(),
)


@given(incidents)
def test_incidents_come_through(incident: Incident) -> None:
    assert incident_from(decode(encode(incident_to(incident)))) == incident


def test_text_that_is_no_unicode_is_escaped() -> None:
    """A vendor's key may be a lone surrogate; no pipe takes it."""
    incident = Incident(kind=IncidentKind.GONE, endpoint="items", key="\ud800")
    assert incident_from(decode(encode(incident_to(incident)))).key == "\\ud800"


def test_messages_are_lines() -> None:
    pipe = io.BytesIO(encode({"do": "a", "text": "x\ny"}) + encode({"do": "b"}) + b'{"do":"cut o')
    assert receive(pipe) == {"do": "a", "text": "x\ny"}
    assert receive(pipe) == {"do": "b"}
    assert receive(pipe) is None


def test_credentials_are_not_in_the_targets_repr() -> None:
    target = Target(pipeline="p", dataset="d", schema="s", options={"credentials": "postgres://me:hidden@host/db"})
    assert "hidden" not in repr(target)


def test_endpoints_are_described_by_what_the_load_needs() -> None:
    (spec,) = describe([Endpoint(name="item", path="/", table="items", key=("a", "b"), columns={"a": "text"})])
    assert (spec.name, spec.table, spec.key, spec.columns) == ("item", "items", ("a", "b"), {"a": "text"})
