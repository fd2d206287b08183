"""coding's checker alone, on one core: checks a second, and what tables of the real size cost.

The tables are made, in the shape of the official files: NCCI pairs from 25,000 to 2.5 million rows
over 15,000 codes, 15,000 unit limits, and the packed ICD-10-CM of two fiscal years. Each size runs
in a process of its own, so that its memory is its own.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from deploy.twins.hospital import Hospital
from services.coding.domain.payer_rules.pack import Pack, read_pack
from services.coding.domain.payer_rules.ruleset import payer_rules
from services.coding.domain.reference import Reference
from services.coding.domain.verdict import NoPayerRules, PayerRules, verdict
from services.coding.reference.library import Library
from services.coding.reference.loading import Order, load
from shared.contract.claim import Claim, Diagnosis, Procedure, ServiceLine
from tests.bench.report import Section
from tests.bench.timing import least

SIZES = (25_000, 250_000, 2_500_000)
CODES = 15_000
RULES, PAYERS = 500, 25
CLAIMS, ROUNDS = 400, 7
LINES, DIAGNOSES = 5, 4
LOOKUPS = 100_000
TODAY = date(2026, 3, 20)
LOADED_AT = datetime(2026, 1, 1, tzinfo=UTC)
EFFECTIVE = date(2026, 1, 1)
TIMEOUT_S = 600.0
_ICD = ("I10", "E119", "J209", "K219", "M5450", "R079", "N390", "Z0000")


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one size of the pair table. Times are processor time."""

    pairs: int
    load_s: float
    file_mb: float
    lookup_us: float
    checks_per_s: float
    with_rules_per_s: float
    """The same with 500 payer rules loaded."""
    resident_mb: float
    own_mb: float
    """Of `resident_mb` what is not shared with other processes of the host."""


def measure(folder: Path) -> Section:
    """One row for each size of the pair table."""
    found = [_in_process_of_its_own(folder, size) for size in SIZES]
    return Section(
        "checks",
        f"coding's checks, on one core: claims of {LINES} lines and {DIAGNOSES} diagnoses",
        ("pairs", "load s", "file MB", "lookup µs", "claims/s", "with rules", "MB", "own MB"),
        tuple(
            (
                each.pairs,
                each.load_s,
                each.file_mb,
                each.lookup_us,
                each.checks_per_s,
                each.with_rules_per_s,
                each.resident_mb,
                each.own_mb,
            )
            for each in found
        ),
        notes=(
            "processor time, best of seven; claims/s: all checks in code",
            "with rules: 500 payer rules beside them, in packs of 20 for 25 payers",
            "beside the pairs: 15,000 unit limits, 8,033 HCPCS and 2 x 98,000 ICD-10-CM codes",
            "a lookup is of a pair that is mostly absent",
            "MB: resident, with all imports and every touched page of the tables; own: not shared",
        ),
    )


def _in_process_of_its_own(folder: Path, size: int) -> Measured:
    made = subprocess.run(
        [sys.executable, "-m", "tests.bench.checks", str(folder / f"pairs-{size}"), str(size)],
        capture_output=True,
        check=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    loading = float(made.stdout)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.checks", str(folder / f"pairs-{size}")],
        capture_output=True,
        check=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return Measured(pairs=size, load_s=loading, **json.loads(ran.stdout))


def codes() -> list[str]:
    """Codes of CPT's form: five digits, as many as the real table names."""
    return [f"{10_000 + 6 * at:05d}" for at in range(CODES)]


def make(folder: Path, size: int) -> float:
    """Writes the files and loads them; the processor time of loading the pairs."""
    folder.mkdir(parents=True)
    pairs, limits = folder / "ptp.txt", folder / "mue.csv"
    chosen = codes()
    each = size // CODES + 1
    with pairs.open("w", encoding="latin-1") as file:
        file.write("preamble\nColumn 1\tColumn 2\t*\tEffective\tDeletion\tModifier\tRationale\n")
        written = 0
        for at, one in enumerate(chosen):
            for step in range(1, min(each, size - written) + 1):
                other = chosen[(at + 37 * step) % CODES]
                file.write(f"{one}\t{other}\t\t20200101\t*\t{step % 2}\tMisuse of codes\n")
                written += 1
    rows = (f"{code},{3 + at % 9},{1 + at % 3}\n" for at, code in enumerate(chosen))
    limits.write_text("code,mue value,mai\n" + "".join(rows))
    tables = folder / "tables"
    load(Order("ncci-mue", limits, "practitioner", EFFECTIVE), tables, LOADED_AT)
    began = time.process_time()
    report = load(Order("ncci-ptp", pairs, "practitioner", EFFECTIVE), tables, LOADED_AT)
    took = time.process_time() - began
    assert report.rows == size, report
    pairs.unlink()
    return took


def run(folder: Path) -> dict[str, float]:
    """Everything that is measured on loaded tables."""
    library = Library(folder / "tables")
    reference = library.current()
    lookup_us = _lookup_us(reference)
    checks_per_s = _checks_per_s(reference, NoPayerRules())
    with_rules_per_s = _checks_per_s(reference, payer_rules(packs()))
    files = (folder / "tables").glob("ncci-ptp*")
    return {
        "file_mb": sum(path.stat().st_size for path in files) / 1e6,
        "lookup_us": lookup_us,
        "checks_per_s": checks_per_s,
        "with_rules_per_s": with_rules_per_s,
        **_memory_mb(),
    }


def claims(count: int) -> list[Claim]:
    """Clean claims of the hospital, of the asked size, over codes all over the tables."""
    chance = random.Random(1)
    hospital = Hospital(3, today=TODAY)
    chosen = codes()
    made: list[Claim] = []
    for claim in hospital.claims(count * 2):
        if claim.kind != "professional" or len(made) == count:
            continue
        lines = tuple(
            ServiceLine(
                number=number,
                procedure=Procedure(code=code),
                charge=10_000,
                units=Decimal(1),
                unit="UN",
                diagnosis_pointers=(1, 2),
                service_from=date(2026, 3, 3),
            )
            for number, code in enumerate(chance.sample(chosen, LINES), start=1)
        )
        diagnoses = tuple(
            Diagnosis(code=code, role="other" if at else "principal")
            for at, code in enumerate(chance.sample(_ICD, DIAGNOSES))
        )
        fields = {"service_lines": lines, "charge": 50_000, "diagnoses": diagnoses}
        made.append(claim.model_copy(update=fields))
    return made


def packs() -> list[Pack]:
    """500 payer rules, as payers have them: 20 for each of 25 payers, the hospital's three among
    them; of each 20 ten are about one procedure and ten about the claim."""
    payers = ["MER01", "SMCD1", "FMED1", *(f"PAY{at:02d}" for at in range(PAYERS - 3))]
    return [read_pack(json.dumps(_pack(at, payer))) for at, payer in enumerate(payers)]


def _pack(at: int, payer: str) -> dict[str, Any]:
    chosen = codes()
    rules = []
    for number in range(RULES // PAYERS):
        rule: dict[str, Any] = {
            "id": f"rule-{number}",
            "title": "A rule",
            "explanation": "A rule as payers have them.",
            "severity": "warn",
            "effective": "2020-01-01",
            "message": "The claim breaks the rule.",
            "fix": "Mend it.",
            "source": "bench",
        }
        code = chosen[number * 97]
        if number % 2:
            rule |= {"for_each": "service_lines", "procedures": [code]}
            rule |= {"when": f"line.units > {number + 100}.0", "field": "units"}
            broken: dict[str, Any] = {"procedure": {"code": code}, "units": str(number + 101)}
            kept: dict[str, Any] = {"procedure": {"code": code}, "units": "1"}
            path = "service_lines[0].units"
            tests = [
                {"name": "breaks", "claim": {"service_lines": [broken]}, "found": [path]},
                {"name": "keeps", "claim": {"service_lines": [kept]}, "found": []},
            ]
        else:
            rule |= {"when": f'claim.facility_code == "{60 + number}"', "field": "facility_code"}
            tests = [
                {
                    "name": "breaks",
                    "claim": {"facility_code": f"{60 + number}"},
                    "found": ["facility_code"],
                },
                {"name": "keeps", "claim": {"facility_code": "11"}, "found": []},
            ]
        rules.append(rule | {"tests": tests})
    scope = {"payers": [payer]}
    name = f"pack-{at}"
    return {"pack": name, "version": 1, "title": name, "scope": scope, "rules": rules}


def _checks_per_s(reference: Reference, rules: PayerRules) -> float:
    given = claims(CLAIMS)

    def judge_all() -> None:
        for claim in given:
            verdict(claim, (), reference, rules, TODAY)

    return CLAIMS / least(judge_all, ROUNDS)[0]


def _lookup_us(reference: Reference) -> float:
    table = reference.pairs["practitioner"].newest
    assert table is not None
    chance = random.Random(2)
    chosen = codes()
    keys = ["".join(sorted(chance.sample(chosen, 2))) for _ in range(LOOKUPS)]
    find: Callable[[str], object] = table.find

    def look_up_all() -> None:
        for key in keys:
            find(key)

    return least(look_up_all, ROUNDS)[0] / LOOKUPS * 1e6


def _memory_mb() -> dict[str, float]:
    """Resident and own memory of this process, where the system says."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return {"resident_mb": 0.0, "own_mb": 0.0}
    lines = dict(line.split(":", 1) for line in text.splitlines())
    kilobytes = {name: int(lines[name].split()[0]) for name in ("VmRSS", "RssAnon")}
    return {"resident_mb": kilobytes["VmRSS"] / 1e3, "own_mb": kilobytes["RssAnon"] / 1e3}


def main(arguments: Sequence[str]) -> None:
    """`FOLDER SIZE` makes tables there and says how long it took; `FOLDER` measures with them."""
    folder = Path(arguments[0])
    answer = make(folder, int(arguments[1])) if len(arguments) > 1 else run(folder)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
