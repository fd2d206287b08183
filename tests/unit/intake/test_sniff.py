import pytest

from services.intake.domain.sniff import detect, unknown_format

ISA = b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *"
MSH = b"MSH|^~\\&|ADT|HOSP|||202503101200||DFT^P03|1|P|2.5\r"


@pytest.mark.parametrize(
    ("content_type", "head", "expected"),
    [
        ("application/edi-x12", b"anything", "x12"),
        ("Application/JSON; charset=utf-8", b"anything", "json"),
        ("application/x-ndjson", b"{}", "ndjson"),
        ("application/fhir+json", b"{}", "fhir"),
        ("x-application/hl7-v2+er7", b"", "hl7v2"),
        ("application/octet-stream", ISA, "x12"),
        (None, ISA, "x12"),
        (None, b"\xef\xbb\xbf\r\n" + ISA, "x12"),
        (None, b"ST*837*0001*005010X222A1~", "x12"),
        (None, b"GS*HC*A*B*", "x12"),
        (None, MSH, "hl7v2"),
        (None, b"\x0b" + MSH, "hl7v2"),
        (None, b"FHS|^~\\&|", "hl7v2"),
        (None, b'{"kind": "professional"}', "json"),
        (None, b'  [\n {"kind": 1}]', "json"),
        (None, b'{\n  "kind": 1,\n  "payer": {\n}}', "json"),
        (None, b'{"kind":1}\n{"kind":2}\n', "ndjson"),
        (None, b'{"kind":1}\r\n\r\n{"kind":2}', "ndjson"),
        (None, b'{"kind":1}\n', "json"),
        (None, b'{"resourceType": "Bundle"}', "fhir"),
        ("application/json", b'{"resourceType": "Bundle"}', "fhir"),
        (None, b'{"resourceType":"Claim"}\n{"resourceType":"Claim"}', "fhir"),
        (None, b"ISATOPE", None),
        (None, b"STATEMENT", None),
        (None, b"<Claim xmlns='http://hl7.org/fhir'/>", None),
        (None, b"\x00\x01\x02", None),
        ("text/plain", b"", None),
    ],
)
def test_the_format_is_told_by_label_and_else_by_first_bytes(
    content_type: str | None, head: bytes, expected: str | None
) -> None:
    assert detect(content_type, head) == expected


def test_what_nobody_knows_is_refused_with_the_formats_that_are_taken() -> None:
    finding = unknown_format()
    assert finding.code == "format-unknown"
    assert finding.hint is not None
    assert all(word in finding.hint for word in ("X12 837", "HL7 v2", "FHIR", "NDJSON"))
