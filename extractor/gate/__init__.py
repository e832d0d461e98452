"""The gate before dlt: what a vendor sent becomes records that land as they are.

gate      a page becomes sound records and incidents
latest    of each key the record that was fetched last
kept      what an incident keeps of a record that is in no table
taken     the same where the tables are the user's own affair: what dlt takes passes as it is
walk      one pass over a record, in which every value gets the form that its column takes
shapes    which columns records make, and where two keys would make one
suspects  text that only a slow look at the bytes can tell more of
scalars   text read as numbers, truth values and times, without loss
"""

from __future__ import annotations

from extractor.gate.gate import Gate, Key, Sound
from extractor.gate.kept import kept_bytes, printable
from extractor.gate.latest import GatePage, grouped, latest, newest
from extractor.gate.shapes import EXTRACTOR_KEY, Node, Record, Shapes, data_type
from extractor.gate.suspects import suspicious
from extractor.gate.taken import Taken, take

__all__ = [
    "EXTRACTOR_KEY",
    "Gate",
    "GatePage",
    "Key",
    "Node",
    "Record",
    "Shapes",
    "Sound",
    "Taken",
    "data_type",
    "grouped",
    "kept_bytes",
    "latest",
    "newest",
    "printable",
    "suspicious",
    "take",
]
