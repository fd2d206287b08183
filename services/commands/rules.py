"""`claimwire rules`: payers' rule packs, from a file on the author's desk to every claim."""

import getpass
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import asyncpg

from services.coding.domain.payer_rules.distribution import Announcement, PackState
from services.coding.domain.payer_rules.learning import drafts
from services.coding.domain.payer_rules.pack import Pack, PackError, read_pack
from services.coding.domain.payer_rules.shadow import RuleTally, ShadowReport
from services.coding.domain.payer_rules.trial import admitted
from services.coding.past import denied, shadow_run
from services.commands.failures import CommandError
from services.commands.output import columns, complain, show
from services.commands.stack_access import Line, NoStackError, answered
from shared.contract.topics import RULES_PAYER
from shared.database import Connection, connect
from shared.messaging import broker
from shared.money import format_cents

SERVICE = "coding"
_LISTED = "SELECT pack, state, at, by, content, refusal FROM payer_pack ORDER BY pack, state"
_SAID_AT = "SELECT pack, state, at FROM payer_pack"
_PUBLISHED = """
SELECT content FROM payer_pack WHERE pack = $1 AND state = 'published' AND content IS NOT NULL
"""

Answer = TypeVar("Answer")


def check(files: Sequence[Path]) -> int:
    """Reads packs and runs their tests; 1 where one is refused."""
    is_well = True
    for path in files:
        try:
            pack = _read(path)
        except PackError as error:
            is_well = False
            for where, reason in error.problems:
                complain(f"{path.name}: {where}: {reason}")
        else:
            tests = sum(len(rule.tests) for rule in pack.rules)
            print(f"{path.name}: {pack.release}, {len(pack.rules)} rules, {tests} tests pass")
    return 0 if is_well else 1


def publish(var_dir: Path, files: Sequence[Path], by: str | None) -> int:
    """Makes packs known to every process of coding; they judge nothing until they are activated."""
    if check(files):
        return 1
    packs = [_read(path) for path in files]
    said = [_announcement(pack.pack, "published", by, pack.canonical) for pack in packs]
    answered(var_dir, lambda line: _announce(line, said))
    return 0


def activate(var_dir: Path, pack: str, by: str | None) -> int:
    """Puts the published version of a pack in force, its tests passed once more."""

    async def put_in_force(line: Line) -> str:
        content = await _with_coding(line, lambda one: one.fetchval(_PUBLISHED, pack))
        if content is None:
            raise CommandError(f"no pack {pack} is published: see `claimwire rules list`")
        release = admitted(content).release
        await _announce(line, [_announcement(pack, "active", by, content)])
        return release

    print(f"{answered(var_dir, put_in_force)} is in force from the next batch on")
    return 0


def withdraw(var_dir: Path, pack: str, by: str | None) -> int:
    """Takes a pack out of force. Verdicts that rest on it can still be reproduced."""
    said = _announcement(pack, "active", by, None)
    answered(var_dir, lambda line: _announce(line, [said]))
    print(f"{pack} judges nothing any more")
    return 0


def listing(var_dir: Path, *, as_json: bool) -> int:
    """Prints what coding knows of packs."""
    rows = answered(var_dir, lambda line: _with_coding(line, lambda one: one.fetch(_LISTED)))
    found = [
        {
            "pack": row["pack"],
            "state": row["state"],
            "release": read_pack(row["content"]).release if row["content"] else None,
            "by": row["by"],
            "at": row["at"],
            "refusal": row["refusal"],
        }
        for row in rows
    ]
    if as_json:
        show(found)
        return 0
    columns(
        ("pack", "state", "release", "by", "at", "refused because"),
        (
            (
                one["pack"],
                one["state"],
                one["release"] or "withdrawn",
                one["by"],
                f"{one['at']:%Y-%m-%d %H:%M:%S}",
                (one["refusal"] or "-").replace("\n", "; "),
            )
            for one in found
        ),
    )
    return 0


def shadow(var_dir: Path, pack: str, since: date | None, *, as_json: bool) -> int:
    """Prints what a pack, in a file or published, would have done with past claims."""
    in_file = _read_or_say(Path(pack)) if Path(pack).is_file() else None

    async def run(line: Line) -> ShadowReport:
        async def asked(connection: Connection) -> ShadowReport:
            chosen = in_file
            if chosen is None:
                content = await connection.fetchval(_PUBLISHED, pack)
                if content is None:
                    raise CommandError(f"{pack} is no file, and no published pack")
                chosen = read_pack(content)
            return await shadow_run(connection, chosen, _start_of(since))

        return await _with_coding(line, asked)

    report = answered(var_dir, run)
    if as_json:
        show(asdict(report) | {"precision": report.precision})
    else:
        _print_shadow(report)
    return 0


def learn(var_dir: Path, out: Path, least: int, since: date | None, *, as_json: bool) -> int:
    """Writes a draft pack for each cause that denials name, and prints how it would have done; a
    person reads, publishes and activates what convinces."""
    out.mkdir(parents=True, exist_ok=True)

    async def run(line: Line) -> list[dict[str, object]]:
        async def asked(connection: Connection) -> list[dict[str, object]]:
            lines = await denied(connection, _start_of(since))
            made = []
            for draft in drafts(lines, datetime.now(UTC).date(), least):
                path = out / f"{draft.pack}.yaml"
                path.write_text(draft.document, encoding="utf-8")
                report = await shadow_run(connection, admitted(draft.document), _start_of(since))
                (tally,) = report.rules.values()
                made.append({"file": str(path), "denials": draft.denials, **_tallied(tally)})
            return made

        return await _with_coding(line, asked)

    made = answered(var_dir, run)
    if as_json:
        show(made)
        return 0
    if not made:
        print("no denial names a cause that codes can show")
        return 0
    columns(list(made[0]), (list(one.values()) for one in made))
    return 0


def _read(path: Path) -> Pack:
    return admitted(path.read_text(encoding="utf-8", errors="replace"))


def _read_or_say(path: Path) -> Pack:
    try:
        return _read(path)
    except PackError as error:
        where, reason = error.problems[0]
        raise CommandError(f"{path.name}: {where}: {reason}") from None


def _announcement(pack: str, state: PackState, by: str | None, content: str | None) -> Announcement:
    return Announcement(pack, state, datetime.now(UTC), by or getpass.getuser(), content)


async def _announce(line: Line, said: Sequence[Announcement]) -> None:
    settings = line.settings
    if settings is None:
        raise NoStackError("no broker runs: start the line with `claimwire up`")
    rows = await _with_coding(line, lambda one: one.fetch(_SAID_AT))
    known = {(row["pack"], row["state"]): row["at"] for row in rows}
    producer = broker.producer(settings, "claimwire-rules")
    await producer.start()
    try:
        for one in (_later(one, known.get((one.pack, one.state))) for one in said):
            await producer.send_and_wait(RULES_PAYER, value=one.value, key=one.key)
    finally:
        await producer.stop()


def _later(said: Announcement, known: datetime | None) -> Announcement:
    """The announcement, said after the one it follows even where another machine's clock, by which
    that was said, is ahead of ours: of two the later counts."""
    if known is None or known < said.at:
        return said
    return replace(said, at=known + timedelta(milliseconds=1))


async def _with_coding(line: Line, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    connection = await connect(line.dsn_of(SERVICE), SERVICE)
    try:
        return await question(connection)
    except asyncpg.UndefinedTableError:
        raise CommandError("coding has no tables yet: start it once, it makes them") from None
    finally:
        await connection.close()


def _start_of(since: date | None) -> datetime | None:
    return None if since is None else datetime.combine(since, datetime.min.time(), UTC)


def _print_shadow(report: ShadowReport) -> None:
    print(
        f"{report.release} on {report.claims:,} past claims: would have held {report.held:,} "
        f"(${format_cents(report.held_cents)}), {report.held_anyway:,} of which were held anyway."
    )
    print(
        f"Payers turned down {report.turned_down:,} (${format_cents(report.turned_down_cents)}); "
        f"of these it would have caught {report.caught:,} (${format_cents(report.caught_cents)})."
    )
    columns(
        ("rule", "claims", "charged", "turned down", "precision"),
        (
            (code, *(str(value) for value in _tallied(tally).values()))
            for code, tally in report.rules.items()
        ),
    )


def _tallied(tally: RuleTally) -> dict[str, object]:
    precision = tally.precision
    return {
        "claims": tally.claims,
        "charged": format_cents(tally.cents),
        "turned down": tally.turned_down,
        "precision": "-" if precision is None else f"{precision:.0%}",
    }
