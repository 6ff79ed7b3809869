"""A RevMan 5 file, a RevMan data package, a Covidence export and references, made by hand.

Elements, attributes and columns are those of the files that RevMan and Covidence write; the
studies and numbers are invented.
"""

from __future__ import annotations

RM5 = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<COCHRANE_REVIEW ID="1" REVMAN_VERSION="5" TYPE="INTERVENTION">
<STUDIES_AND_REFERENCES><STUDIES><INCLUDED_STUDIES>
<STUDY DATA_SOURCE="PUB" ID="STD-One" NAME="One &amp; Only" YEAR="2001">
<REFERENCE PRIMARY="YES" TYPE="JOURNAL_ARTICLE"><AU>Alpha A</AU><TI>The first</TI><SO>Journal</SO>
<YR>2001</YR><IDENTIFIERS><IDENTIFIER TYPE="DOI" VALUE="10.1000/one"/></IDENTIFIERS></REFERENCE>
<IDENTIFIERS><IDENTIFIER TYPE="CTG" VALUE="NCT00000001"/></IDENTIFIERS></STUDY>
<STUDY DATA_SOURCE="PUB" ID="STD-Two" NAME="Two" YEAR="2002"/>
<STUDY DATA_SOURCE="PUB" ID="STD-Three" NAME="Three" YEAR="2003"/>
</INCLUDED_STUDIES></STUDIES></STUDIES_AND_REFERENCES>
<ANALYSES_AND_DATA>
<COMPARISON ID="CMP-001" NO="1"><NAME>New versus old</NAME>
<DICH_OUTCOME ID="CMP-001.01" NO="1" EFFECT_MEASURE="OR" SUBGROUPS="NO" SWAP_EVENTS="NO">
<NAME>Overall response</NAME>
<GROUP_LABEL_1>New</GROUP_LABEL_1><GROUP_LABEL_2>Old</GROUP_LABEL_2>
<DICH_DATA EVENTS_1="8" EVENTS_2="5" STUDY_ID="STD-One" TOTAL_1="10" TOTAL_2="11"/>
<DICH_DATA EVENTS_1="0" EVENTS_2="3" STUDY_ID="STD-Two" TOTAL_1="12" TOTAL_2="13"/>
<DICH_DATA EVENTS_1="0" EVENTS_2="0" STUDY_ID="STD-Three" TOTAL_1="0" TOTAL_2="0"/>
</DICH_OUTCOME>
<CONT_OUTCOME ID="CMP-001.02" NO="2" EFFECT_MEASURE="MD" SUBGROUPS="NO"><NAME>Pain</NAME>
<CONT_DATA MEAN_1="1" MEAN_2="2" SD_1="1" SD_2="1" STUDY_ID="STD-One" TOTAL_1="10" TOTAL_2="11"/>
</CONT_OUTCOME>
<IPD_OUTCOME ID="CMP-001.03" NO="3" SUBGROUPS="NO"><NAME>Survival</NAME>
<IPD_DATA O_E="1.5" VAR="2" STUDY_ID="STD-Two" EVENTS_1="3" TOTAL_1="12" EVENTS_2="4" TOTAL_2="13"/>
</IPD_OUTCOME>
<DICH_OUTCOME ID="CMP-001.04" NO="4" EFFECT_MEASURE="OR" SUBGROUPS="YES"><NAME>By dose</NAME>
<GROUP_LABEL_1>New</GROUP_LABEL_1><GROUP_LABEL_2>Old</GROUP_LABEL_2>
<DICH_SUBGROUP ID="CMP-001.04.01" NO="1"><NAME>Low</NAME>
<DICH_DATA EVENTS_1="2" EVENTS_2="1" STUDY_ID="STD-One" TOTAL_1="5" TOTAL_2="6"/></DICH_SUBGROUP>
<DICH_SUBGROUP ID="CMP-001.04.02" NO="2"><NAME>High</NAME>
<DICH_DATA EVENTS_1="1" EVENTS_2="1" STUDY_ID="STD-One" TOTAL_1="5" TOTAL_2="5"/>
<DICH_DATA EVENTS_1="0" EVENTS_2="2" STUDY_ID="STD-Two" TOTAL_1="12" TOTAL_2="13"/></DICH_SUBGROUP>
</DICH_OUTCOME>
</COMPARISON></ANALYSES_AND_DATA></COCHRANE_REVIEW>
"""

_SETTINGS = """\ufeffAnalysis group,Analysis number,Analysis name,Analysis group name,Data source,\
Data type,Experimental group label,Control group label
1,1,Overall response,New versus old,Custom input,Dichotomous,New,Old
1,2,Pain,New versus old,Custom input,Continuous,New,Old
1,3,Survival,New versus old,Custom input,O-E and variance,New,Old
"""
_ROWS = """\ufeffAnalysis group,Analysis number,Analysis name,Subgroup,Applicability,Study,\
Study year,GIV Mean,GIV SE,Experimental mean,Experimental SD,\
Experimental cases,Experimental N,Control mean,\
Control SD,Control cases,Control N,O-E,Variance,Weight,Mean,CI start,CI end,Footnotes
1,1,Overall response,,SUBGROUP_AND_OVERALL,One,2001,0,0,0,0,8,10,0,0,5,11,0,0,1,1,1,1,
1,1,Overall response,,SUBGROUP_AND_OVERALL,Two,2002,0,0,0,0,0,12,0,0,3,13,0,0,1,1,1,1,
1,2,Pain,,SUBGROUP_AND_OVERALL,One,2001,0,0,1,1,0,10,2,1,0,11,0,0,1,1,1,1,
1,3,Survival,,SUBGROUP_AND_OVERALL,Two,2002,0,0,0,0,3,12,0,0,4,13,1.5,2,1,1,1,1,
"""
_STUDIES = "\ufeffStudy,Year,Data source,Char: Methods\nOne,2001,PUB,\nTwo,2002,PUB,\n"
_INCLUDED = """\ufeffTY  - JOUR
NS  - One
AU  - Alpha A
TI  - The first
JO  - Journal
PY  - 2001
DO  - 10.1000/one
ER  -
"""
PACKAGE = {
    "CD1-analysis-data/CD1-overall-estimates-and-settings.csv": _SETTINGS,
    "CD1-analysis-data/CD1-data-rows.csv": _ROWS,
    "CD1-study-data/CD1-study-information.csv": _STUDIES,
    "CD1-study-data/CD1-included.ris": _INCLUDED,
    "CD1-study-data/CD1-risk-of-bias.csv": "Study\nOne\n",
}

COVIDENCE = """Covidence #,Study ID,Title,Reviewer Name,Country,\
Overall response events,Overall response total
#11,Alpha 2019,The first,Reviewer One,X,7,10
#11,Alpha 2019,The first,Reviewer Two,X,8,10
#11,Alpha 2019,The first,Consensus,X,8,10
#12,Beta 2020,The second,Reviewer One,Y,3,9
"""

RIS = """TY  - JOUR
AU  - Alpha, Ann
AU  - Gamma, Gus
TI  - The first of its kind
JO  - Journal of Examples
PY  - 2019
VL  - 3
SP  - 1
EP  - 9
DO  - https://doi.org/10.1000/first
ER  -

TY  - JOUR
AU  - Delta, Dee
TI  - Of something else
PY  - 2018
ER  -
"""
