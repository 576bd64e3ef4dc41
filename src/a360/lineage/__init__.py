"""Lineage: what every dataset and column is made from, by contracts alone.

`LakeLineage.of(plan)` reads the plan's views and models; `lineage_of` gives what lies around one name, which
`tree` and `svg` render; `impact_of` says what changes would affect; `EventWriter` tells runs as OpenLineage,
`definitions` what is the same in each of them.
"""

from a360.lineage._definition import definitions, lineage_in, with_definitions
from a360.lineage._graph import Direction, Edge, LakeLineage, Node, step_lineage
from a360.lineage._impact import Impact, impact_of, together
from a360.lineage._model import FHIR, LAYERS, DatasetLineage, Field, Inputs, Use
from a360.lineage._openlineage import Assertion, EventWriter, Parent, SourceFile, StepRun
from a360.lineage._query import query_lineage
from a360.lineage._sensitivity import METHODS, sensitivity_faults
from a360.lineage._svg import svg
from a360.lineage._tree import tree
from a360.lineage._view import LineageView, lineage_of

__all__ = [
    "FHIR",
    "LAYERS",
    "METHODS",
    "Assertion",
    "DatasetLineage",
    "Direction",
    "Edge",
    "EventWriter",
    "Field",
    "Impact",
    "Inputs",
    "LakeLineage",
    "LineageView",
    "Node",
    "Parent",
    "SourceFile",
    "StepRun",
    "Use",
    "definitions",
    "impact_of",
    "lineage_in",
    "lineage_of",
    "query_lineage",
    "sensitivity_faults",
    "step_lineage",
    "svg",
    "together",
    "tree",
    "with_definitions",
]
