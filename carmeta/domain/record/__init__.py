"""The schema of a study record: what a paper prints, and where.

Nothing in a record is computed. A cell that cannot be given as a number says why
(`missing`): not reported, not applicable, or lost in the text that was read. Zero is a count.
"""

from carmeta.domain.record.base import SCHEMA, SchemaVersion
from carmeta.domain.record.cohort import Cohort, Lineage, PopulationSize
from carmeta.domain.record.patients import Graded, Patient, PatientTable
from carmeta.domain.record.printed import (
    Assayed,
    Characteristic,
    PatientFilter,
    Place,
    Printed,
    PrintedInterval,
    Proportion,
    ResponseTable,
    TimeResult,
    Toxicity,
    grade_bounds,
)
from carmeta.domain.record.registers import (
    Product,
    ProductRegister,
    ReportRegister,
    Review,
    record_kind,
)
from carmeta.domain.record.study import (
    Acknowledgement,
    Contrast,
    PrintedRange,
    Report,
    RiskOfBias,
    Statement,
    StudyRecord,
    Trial,
)

__all__ = [
    "SCHEMA",
    "Acknowledgement",
    "Assayed",
    "Characteristic",
    "Cohort",
    "Contrast",
    "Graded",
    "Lineage",
    "Patient",
    "PatientFilter",
    "PatientTable",
    "Place",
    "PopulationSize",
    "Printed",
    "PrintedInterval",
    "PrintedRange",
    "Product",
    "ProductRegister",
    "Proportion",
    "Report",
    "ReportRegister",
    "ResponseTable",
    "Review",
    "RiskOfBias",
    "SchemaVersion",
    "Statement",
    "StudyRecord",
    "TimeResult",
    "Toxicity",
    "Trial",
    "grade_bounds",
    "record_kind",
]
