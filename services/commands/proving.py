"""`claimwire prove` and `claimwire code --ruleset`: past verdicts by what judged then."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from services.coding.domain.verdict import Ruleset
from services.coding.reference.library import Library
from services.coding.reproducing import UnknownRulesetError, reproduced, ruleset_of
from services.commands.failures import CommandError
from services.commands.output import columns, show
from services.commands.stack_access import Line, answered
from shared import settings
from shared.database import Connection, connect

Answer = TypeVar("Answer")


def past_ruleset(var_dir: Path, version: str) -> Ruleset:
    """The ruleset of that name. Raises CommandError where it cannot be had."""
    try:
        return _asked(var_dir, lambda one, library: ruleset_of(one, library, version))
    except UnknownRulesetError as error:
        raise CommandError(str(error)) from None


def prove(var_dir: Path, claim_id: UUID, *, as_json: bool) -> int:
    """Prints each verdict on a claim, and whether it comes out the same again; else 1."""
    found = _asked(var_dir, lambda one, library: reproduced(one, library, claim_id))
    if not found:
        raise CommandError("coding has judged no such claim")
    if as_json:
        show([asdict(one) for one in found])
    else:
        columns(
            ("revision", "judged on", "proof", "again", "ruleset"),
            (
                (
                    one.revision,
                    one.judged_on,
                    one.proof[:16],
                    one.problem or "the same",
                    one.ruleset,
                )
                for one in found
            ),
        )
    return 1 if any(one.problem for one in found) else 0


def _asked(var_dir: Path, question: Callable[[Connection, Library], Awaitable[Answer]]) -> Answer:
    library = Library(settings.load().reference_dir)

    async def asked(line: Line) -> Answer:
        connection = await connect(line.dsn_of("coding"), "coding")
        try:
            return await question(connection, library)
        finally:
            await connection.close()

    return answered(var_dir, asked)
