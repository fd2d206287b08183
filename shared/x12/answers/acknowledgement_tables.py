"""The 999 (005010X231A1), the 997, the TA1, the 277CA (005010X214), the 277 and the 276 (both
005010X212) as tables. Field names are those of `shared.contract.acknowledgement`.

A 999 that says AK5 or AK3 where it should say IK5 or IK3 is read all the same. The three status
transactions share one table of levels: who stands where in the hierarchy is in the data (HL03), not
in the table, and payers disagree about it.
"""

from dataclasses import replace

from shared.x12.elements import (
    CENTS,
    DAY,
    INTEGER,
    PERSON,
    QUANTITY,
    TEXT,
    code_map,
)
from shared.x12.table import (
    Composite,
    Const,
    Element,
    Loop,
    Part,
    Period,
    Repeat,
    Segment,
    Several,
    TransactionTable,
)

_CONTEXT = Segment(
    "CTX",
    {
        1: Composite({1: Element("name"), 2: Element("value", TEXT)}),
        2: Element("segment"),
        3: Element("segment_position", INTEGER),
        4: Element("loop"),
        5: Composite(
            {
                1: Element("element_position", INTEGER),
                2: Element("element_component", INTEGER),
                3: Element("element_repetition", INTEGER),
            }
        ),
        6: Composite({1: Element("reference"), 2: Element("component_reference")}),
    },
    into="contexts",
    many=True,
)


def _element_error(segment_id: str) -> Loop:
    parts: dict[int, Part] = {
        1: Composite(
            {
                1: Element("position", INTEGER),
                2: Element("component", INTEGER),
                3: Element("repetition", INTEGER),
            }
        ),
        2: Element("reference"),
        3: Element("code"),
        4: Element("bad_value", TEXT, 99),
    }
    return Loop("2110", Segment(segment_id, parts), (_CONTEXT,), into="elements", many=True)


def _segment_error(segment_id: str, element_error: Loop) -> Loop:
    parts: dict[int, Part] = {
        1: Element("segment"),
        2: Element("position", INTEGER),
        3: Element("loop"),
        4: Element("code"),
    }
    return Loop(
        "2100",
        Segment(segment_id, parts),
        (_CONTEXT, element_error),
        into="segment_errors",
        many=True,
    )


def _set_outcome(segment_id: str) -> Segment:
    return Segment(segment_id, {1: Element("outcome"), 2: Several("codes", 5)})


_SET = Segment(
    "AK2",
    {
        1: Element("transaction", required=True),
        2: Element("control_number", required=True),
        3: Element("version"),
    },
)
_GROUP = Segment(
    "AK1",
    {
        1: Element("functional_group", required=True),
        2: Element("group_control_number", required=True),
        3: Element("version"),
    },
)
_GROUP_OUTCOME = Segment(
    "AK9",
    {
        1: Element("outcome"),
        2: Element("included", INTEGER),
        3: Element("received", INTEGER),
        4: Element("accepted", INTEGER),
        5: Several("codes", 5),
    },
)
_ST = Segment("ST", {})

_IK_ERRORS = _segment_error("IK3", _element_error("IK4"))
_AK_ERRORS = _segment_error("AK3", _element_error("AK4"))

ACKNOWLEDGEMENT = TransactionTable(
    "999",
    "005010X231A1",
    ("005010X231A1", "005010X231"),
    Loop(
        "999",
        _ST,
        (
            _GROUP,
            Loop(
                "2000",
                _SET,
                (
                    _IK_ERRORS,
                    replace(_AK_ERRORS, into="other_segment_errors"),
                    _set_outcome("IK5"),
                    replace(_set_outcome("AK5"), writes=False),
                ),
                into="sets",
                many=True,
            ),
            _GROUP_OUTCOME,
        ),
    ),
)

OLD_ACKNOWLEDGEMENT = TransactionTable(
    "997",
    "005010",
    ("005010", "004010"),
    Loop(
        "997",
        _ST,
        (
            _GROUP,
            Loop("2000", _SET, (_AK_ERRORS, _set_outcome("AK5")), into="sets", many=True),
            _GROUP_OUTCOME,
        ),
    ),
)

INTERCHANGE_ACKNOWLEDGEMENT = Loop(
    "TA1",
    Segment(
        "TA1",
        {
            1: Element("interchange_control_number", required=True),
            2: Element("interchange_date"),
            3: Element("interchange_time"),
            4: Element("outcome", required=True),
            5: Element("note", required=True),
        },
    ),
)


def _status_code(field: str) -> Composite:
    parts: dict[int, Part] = {
        1: Element("category"),
        2: Element("status"),
        3: Element("entity"),
        4: Element("list_qualifier"),
    }
    return Composite(parts, into=field)


_STATUS = Segment(
    "STC",
    {
        1: _status_code("code"),
        2: Element("on", DAY),
        3: Element("action"),
        4: Element("charge", CENTS),
        5: Element("paid", CENTS),
        6: Element("adjudicated_on", DAY),
        7: Element("payment_method"),
        8: Element("payment_date", DAY),
        9: Element("check_number"),
        10: _status_code("second_code"),
        11: _status_code("third_code"),
        12: Element("message", TEXT, 264),
    },
    into="statuses",
    many=True,
)
_REFERENCE = Segment(
    "REF", {1: Element("qualifier"), 2: Element("value")}, into="references", many=True
)
_DATE = Segment(
    "DTP", {1: Element("qualifier"), 2: Period("on", "through")}, into="dates", many=True
)
_AMOUNT = Segment(
    "AMT", {1: Element("qualifier"), 2: Element("amount", CENTS)}, into="amounts", many=True
)
_QUANTITY = Segment(
    "QTY", {1: Element("qualifier"), 2: Element("quantity", QUANTITY)}, into="quantities", many=True
)
_LINE = Loop(
    "2220",
    Segment(
        "SVC",
        {
            1: Composite(
                {
                    1: Element("qualifier"),
                    2: Element("code"),
                    3: Several("modifiers", 4),
                    7: Element("description", TEXT),
                },
                into="procedure",
            ),
            2: Element("charge", CENTS),
            3: Element("paid", CENTS),
            4: Element("revenue_code"),
            7: Element("units", QUANTITY),
        },
    ),
    (_STATUS, _REFERENCE, _DATE),
    into="lines",
    many=True,
)
_TRACE_ROWS = (_STATUS, _REFERENCE, _QUANTITY, _AMOUNT, _DATE, _LINE)

LEVEL = Loop(
    "2000",
    Segment(
        "HL",
        {
            1: Element("number", required=True),
            2: Element("parent"),
            3: Element("code", required=True),
            4: Element(
                "has_children", code_map("hierarchical child code", {"1": True, "0": False})
            ),
        },
    ),
    (
        Segment(
            "DMG",
            {1: Period("birth_date"), 3: Element("gender")},
        ),
        Segment(
            "NM1",
            {
                1: Element("role"),
                2: Element("is_person", PERSON),
                3: Element("name", TEXT),
                4: Element("first_name", TEXT),
                5: Element("middle_name", TEXT),
                7: Element("suffix", TEXT),
                8: Element("identifier_qualifier"),
                9: Element("identifier"),
            },
            into="party",
        ),
        Segment(
            "PER",
            {
                1: Element("function"),
                2: Element("name", TEXT),
                3: Repeat("numbers", {0: Element("kind"), 1: Element("value", TEXT)}, 3),
            },
            into="contacts",
            many=True,
        ),
        Loop(
            "2200",
            Segment("TRN", {1: Element("kind"), 2: Element("number")}),
            _TRACE_ROWS,
            into="traces",
            many=True,
        ),
        # An answer that names no trace: read beside the others, never written.
        Loop("2200", _STATUS, _TRACE_ROWS, into="untraced", many=True),
    ),
    emit=True,
    many=True,
)


def _status_table(code: str, version: str, structure: str) -> TransactionTable:
    batch = Segment(
        "BHT",
        {
            1: Const(structure, also=("0085", "0010")),
            2: Element("purpose"),
            3: Element("reference"),
            4: Element("created_on", DAY),
            5: Element("created_at"),
            6: Element("kind"),
        },
    )
    return TransactionTable(code, version, (version,), Loop(code, _ST, (batch, LEVEL)))


CLAIM_ACKNOWLEDGEMENT = _status_table("277", "005010X214", "0085")
STATUS_RESPONSE = _status_table("277", "005010X212", "0010")
STATUS_REQUEST = _status_table("276", "005010X212", "0010")
