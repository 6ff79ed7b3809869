"""The findings an audit can make: stable codes, their usual severity and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from carmeta.domain.evidence import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding."""

    code: str
    severity: Severity
    title: str
    meaning: str  # one sentence, for the documentation
    hint: str  # what usually resolves it


_TABLE: Final = (
    Code(
        "GRM001",
        "error",
        "count and percentage disagree",
        "The printed count divided by its denominator does not round to the printed percentage.",
        "compare count, denominator and percentage with the paper; one of them is misread, or of "
        "another population",
    ),
    Code(
        "GRM002",
        "error",
        "impossible percentage",
        "No whole number of patients out of the denominator rounds to the printed percentage.",
        "look for another denominator (evaluable patients, treatments, a dose level)",
    ),
    Code(
        "GRM003",
        "info",
        "fits only by rounding twice",
        "The percentage fits a count only if it was rounded to one more decimal first.",
        "nothing to do: the count is taken as it is",
    ),
    Code(
        "GRM004",
        "warning",
        "decimals cut off",
        "The percentage fits its count only if decimals were cut off instead of rounded.",
        "use the count; a percentage alone is not turned into one, so it leaves the pool",
    ),
    Code(
        "GRM005",
        "error",
        "percentages of one column impossible together",
        "Several percentages of the same patients fit no count of that denominator; the "
        "denominators that would fit all of them are listed.",
        "find out of how many patients the column is; do not pool it until then",
    ),
    Code(
        "GRM006",
        "info",
        "several counts fit",
        "The percentage without a count fits more than one whole number of patients.",
        "nothing to do: all of them are carried into the analysis",
    ),
    Code(
        "GRM007",
        "info",
        "rate looks cut off",
        "A survival rate begins with the digits of a whole number of patients that would round "
        "differently: decimals may have been cut off.",
        "compare with the same fraction printed elsewhere; estimates with censoring need not be "
        "whole numbers of patients",
    ),
    Code(
        "SUM001",
        "error",
        "response categories do not add up",
        "Best responses by category add to more than the patients, or, where non-responders are "
        "listed too, to another number than the patients.",
        "compare the rows with the paper; a row may be lost or shifted",
    ),
    Code(
        "SUM002",
        "error",
        "parts do not add to their total",
        "Numbers of the cohorts that a cohort is declared to consist of do not add to its own.",
        "compare the column with its total row; keep both as printed and acknowledge",
    ),
    Code(
        "SUM003",
        "error",
        "responders differ from the sum of categories",
        "A printed number of responders differs from the sum of the response categories it "
        "comprises.",
        "compare rows and definition (does CR include sCR?)",
    ),
    Code(
        "SUM004",
        "error",
        "grades differ from their sum elsewhere",
        "A number of patients by grade differs from the sum of the grades in another place, "
        "where each patient is counted once at the highest grade.",
        "compare the places; is grade 5 in a column of its own?",
    ),
    Code(
        "SUM005",
        "warning",
        "printed parts and total disagree",
        "Numbers that a paper gives as parts of a total do not add to it.",
        "patients may have been counted in several parts: say so and acknowledge",
    ),
    Code(
        "NST001",
        "error",
        "outcomes do not nest",
        "A deeper response is more frequent than the one that includes it (sCR, CR or better, "
        "VGPR or better, overall response).",
        "compare the rows; columns may be swapped or the population may differ",
    ),
    Code(
        "NST002",
        "error",
        "grades do not nest",
        "A grade is more frequent than the range of grades that includes it.",
        "compare the columns; they may be swapped",
    ),
    Code(
        "NST003",
        "error",
        "maximum grades do not add up",
        "Where each patient is counted once at the highest grade, the grades add to more than "
        "the range that includes them, or, if they are complete, to another number.",
        "compare the columns, or change 'counting' if patients can stand in several columns",
    ),
    Code(
        "NST004",
        "error",
        "MRD does not nest",
        "More patients are MRD-negative at a deeper level, or more were assessed than belong to "
        "the group among which they were assessed.",
        "compare depth, assay and group",
    ),
    Code(
        "POP001",
        "error",
        "count above its denominator",
        "A count exceeds the number of patients it is divided by.",
        "is the numerator that of another population?",
    ),
    Code(
        "POP002",
        "error",
        "denominator of another population",
        "The denominator printed with a number differs from the size of the population it is "
        "filed under.",
        "file the number under the population it is divided by",
    ),
    Code(
        "POP003",
        "error",
        "populations do not nest",
        "A population is larger than the one that includes it (infused, treated, randomised).",
        "compare the sizes with the flow of patients",
    ),
    Code(
        "POP004",
        "warning",
        "no denominator",
        "A percentage of an outcome stands without a number of patients (or a count with none), "
        "so that it leaves the pool.",
        "give 'of', or the size of the population, where it is printed; else acknowledge",
    ),
    Code(
        "POP005",
        "error",
        "heading gives another number",
        "The number of patients in the heading of a row or column (N = 250) differs from the "
        "denominator or the population that the number is filed under.",
        "file the number under the population of its column",
    ),
    Code(
        "POP006",
        "info",
        "no denominator, not pooled",
        "A percentage of a characteristic or of another adverse event stands without a number "
        "of patients.",
        "nothing to do: it enters no pool; add the denominator if it is found",
    ),
    Code(
        "SRC001",
        "error",
        "one document contradicts itself",
        "The same number of the same cohort is printed differently in two places of one document.",
        "keep both as printed and acknowledge, saying which one is used",
    ),
    Code(
        "SRC002",
        "warning",
        "documents disagree",
        "The same number of the same cohort is printed differently by two documents, or of "
        "different cited sources.",
        "prefer the own report of the trial and the later data cut; acknowledge",
    ),
    Code(
        "SRC003",
        "warning",
        "statements disagree",
        "The same fact is stated differently in two places.",
        "acknowledge, saying which one is used",
    ),
    Code(
        "SRC004",
        "warning",
        "characteristic printed in two ways",
        "A characteristic, a median or a range is printed differently in two places.",
        "acknowledge, saying which one is used",
    ),
    Code(
        "SRC005",
        "warning",
        "time printed in two ways",
        "A median time or a rate is printed differently in two places.",
        "compare data cuts; acknowledge, saying which one is used",
    ),
    Code(
        "SRC006",
        "warning",
        "same patients, two denominators",
        "The same number of patients is printed as different percentages because it is divided "
        "by different denominators.",
        "say which denominator applies",
    ),
    Code(
        "SRC007",
        "warning",
        "range leaves out its own cohorts",
        "A range that a report prints over several cohorts does not begin or end with their "
        "smallest and largest value.",
        "take the values of the cohorts, not the range",
    ),
    Code(
        "CIV001",
        "error",
        "interval not by its stated method",
        "The stated method does not reproduce the printed confidence limits from the count.",
        "compare count, denominator and limits; another method may have been used",
    ),
    Code(
        "CIV002",
        "warning",
        "interval not reproduced",
        "No usual method reproduces the printed confidence limits from the count.",
        "compare count, denominator and limits",
    ),
    Code(
        "CIV003",
        "info",
        "limits rounded twice",
        "The printed confidence limits are reproduced only by rounding twice.",
        "nothing to do",
    ),
    Code(
        "CIV004",
        "error",
        "estimate outside its interval",
        "A printed estimate lies outside its printed limits or range, or these are reversed.",
        "compare the digits with the paper",
    ),
    Code(
        "CIV005",
        "warning",
        "ratio not central on the log scale",
        "The limits of a ratio are not symmetric about it on the log scale, as those of a usual "
        "model are.",
        "compare the digits with the paper; profile or exact limits need not be symmetric",
    ),
    Code(
        "CIV006",
        "warning",
        "contrast disagrees with the counts",
        "A published risk or odds ratio or risk difference lies far from the one of the printed "
        "counts.",
        "is the contrast the other way round, adjusted, or of another population?",
    ),
    Code(
        "PAT001",
        "error",
        "printed number differs from the individual patients",
        "A printed number of patients differs from the count over the individual patients.",
        "recount the table; keep the printed number and acknowledge",
    ),
    Code(
        "PAT002",
        "warning",
        "two patients alike",
        "Two rows of the table of individual patients agree in everything.",
        "was a row entered twice?",
    ),
    Code(
        "PAT003",
        "error",
        "patient in two disjoint cohorts, or in none",
        "Cohorts that are declared to split the patients do not put each patient in one part.",
        "compare the filters of the cohorts",
    ),
    Code(
        "GRD001",
        "info",
        "grading scale not reported",
        "CRS or neurotoxicity is given by grade without the scale it was graded by.",
        "look for the scale in the methods; the number stays unconverted",
    ),
    Code(
        "GRD002",
        "info",
        "counting not reported",
        "Severe grades stand in several columns and it is not said whether each patient is "
        "counted once, so that they cannot be added safely.",
        "set 'counting' if the paper says so",
    ),
    Code(
        "GRD003",
        "info",
        "no window for neurotoxicity",
        "Neurotoxicity is given without the period in which events were counted.",
        "look for the period in the methods",
    ),
    Code(
        "GRD004",
        "info",
        "scales mixed across the review",
        "The cohorts that report an outcome graded it by different scales.",
        "use the scale as a moderator or a filter",
    ),
    Code(
        "GRD005",
        "warning",
        "scale differs between places",
        "One cohort's grading is described differently in two places.",
        "acknowledge, saying which description is used",
    ),
    Code(
        "ZER001",
        "warning",
        "number beside 'not reported'",
        "A number that is recorded as not reported in one place is printed in another.",
        "record the number where it stands; leave out the empty cell",
    ),
    Code(
        "ZER002",
        "warning",
        "grade column missing",
        "A row lacks a grade column that the other rows of the same table have: read as zero, "
        "not reported or lost, the pooled count of severe events changes.",
        "record the column, with 'missing' if it is lost",
    ),
    Code(
        "ZER003",
        "warning",
        "percentage missing beside a count",
        "A count above zero lacks the percentage that nearly all others of its table have: a "
        "zero may have been misread, or the percentage be lost.",
        "compare the cell with the paper",
    ),
    Code(
        "DUP001",
        "warning",
        "two cohorts with the same numbers",
        "Two cohorts without declared relation print the same counts: they may be the same "
        "patients.",
        "declare their relation under 'lineage', or remove one",
    ),
    Code(
        "DUP002",
        "warning",
        "one trial in two records",
        "Two records have the same registry number and no cohort of one is related to the other.",
        "declare the relation under 'lineage'",
    ),
    Code(
        "DUP003",
        "warning",
        "entry twice in a record",
        "The same number of the same place is entered twice.",
        "remove one",
    ),
    Code(
        "LIN001",
        "error",
        "unknown cohort",
        "Lineage refers to a cohort that no record has.",
        "correct the reference",
    ),
    Code(
        "LIN002",
        "error",
        "impossible lineage",
        "A cohort is declared part of itself, or two are each part of the other, or lie in "
        "cohorts declared disjoint.",
        "correct the declarations",
    ),
    Code(
        "LIN003",
        "error",
        "part larger than its whole",
        "A cohort has more patients, or more events, than the cohort it is part of.",
        "compare the numbers, or the declaration",
    ),
    Code(
        "LIN004",
        "info",
        "cohorts without declared relation",
        "Cohorts of one study are not declared to be parts of, or disjoint from, each other and "
        "are taken to overlap.",
        "declare part_of, partitions or disjoint_from",
    ),
    Code(
        "IDS001",
        "error",
        "not a registry number",
        "A printed trial number is not NCT followed by eight digits.",
        "correct it silently nowhere: the record keeps what is printed, the trial its number",
    ),
    Code(
        "IDS002",
        "error",
        "another registry number",
        "A printed trial number is not that of the record's trial.",
        "is the column that of another trial?",
    ),
    Code(
        "DAT001",
        "error",
        "data cut after publication",
        "A data cutoff lies after the year of the document that reports it.",
        "compare the date",
    ),
    Code(
        "DAT002",
        "info",
        "several data cutoffs",
        "One document gives numbers of several data cutoffs.",
        "say which number is of which cutoff",
    ),
    Code(
        "DRA001",
        "warning",
        "a draft",
        "The record is marked as a draft, so that nothing of it is pooled.",
        "take out 'status: draft' once the record holds what the paper prints",
    ),
    Code(
        "ACK001",
        "warning",
        "stale acknowledgement",
        "A record acknowledges a finding that the audit does not make.",
        "remove it, or correct its code, cohort or subject",
    ),
)

CODES: Final[dict[str, Code]] = {code.code: code for code in _TABLE}
