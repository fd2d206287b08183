"""Makes what is packed in: `python -m services.coding.reference.packing FOLDER ICD_XML...`.

FOLDER has the public tables (HCPCS Level II, place of service, the Level II rows of NCCI); the XML
files are ICD-10-CM tabular lists of NCHS, as the package simple-icd-10-cm carries them. The same
input gives the same bytes.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from services.coding.reference.library import PACKED_SUFFIX
from services.coding.reference.loading import Order, load

PACKED = Path(__file__).parent / "packed"
THIRD_QUARTER = date(2024, 7, 1)
_PACKED_AT = datetime(1970, 1, 1, tzinfo=UTC)
"""Older than anything an operator loads, so that what is loaded wins."""
_NCCI = "CMS NCCI, third quarter 2024, rows of HCPCS Level II codes only"


def orders(folder: Path, tabular: list[Path]) -> Iterator[Order]:
    """What is packed, and from where."""
    source = "CMS HCPCS Level II, third quarter 2024"
    yield Order("hcpcs", folder / "hcpcs_level2.csv", None, THIRD_QUARTER, source)
    source = "CMS place of service code set"
    yield Order("pos", folder / "place_of_service.csv", None, THIRD_QUARTER, source)
    for name in ("practitioner", "outpatient"):
        path = folder / f"ncci_ptp_{name}_level2.csv"
        yield Order("ncci-ptp", path, name, THIRD_QUARTER, _NCCI)
    for name in ("practitioner", "outpatient", "dme"):
        path = folder / f"ncci_mue_{name}_level2.csv"
        yield Order("ncci-mue", path, name, THIRD_QUARTER, _NCCI)
    for path in tabular:
        yield Order("icd10cm", path, source=f"NCHS ICD-10-CM tabular list, {path.name}")


def main(folder: Path, tabular: list[Path]) -> None:
    """Packs all anew; raises where a line is refused."""
    pack = zstandard.ZstdCompressor(level=19, write_checksum=True)
    for old in PACKED.glob(f"*{PACKED_SUFFIX}"):
        old.unlink()
    with TemporaryDirectory() as made:
        for order in orders(folder, tabular):
            report = load(order, Path(made), _PACKED_AT)
            if report.path is None:
                raise SystemExit(f"{order.path.name}: {report.refused} lines: {report.examples}")
            packed = PACKED / f"{report.path.stem}{PACKED_SUFFIX}"
            packed.write_bytes(pack.compress(report.path.read_bytes()))
            sys.stdout.write(f"{packed.name}: {report.rows} rows, {packed.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
