"""The ruleset that judges, kept in step with the database: one per process, swapped as a whole.

Every batch and every person's action asks, in its own transaction, which packs are active. So all
processes of the service go by the same rules from one commit on, none is started again for it, and
what is active was kept by its content in the transaction that made it so.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from services.coding.domain.payer_rules.pack import Pack, PackError, read_pack
from services.coding.domain.payer_rules.ruleset import RulePacks, from_content, payer_rules
from services.coding.domain.reference import Reference
from services.coding.domain.verdict import REFERENCE, Ruleset

_ACTIVE = """
SELECT pack, content_hash FROM payer_pack WHERE state = 'active' AND content IS NOT NULL
ORDER BY pack
"""
_CONTENT = """
SELECT content FROM payer_pack WHERE state = 'active' AND content IS NOT NULL ORDER BY pack
"""
_KEEP = """
INSERT INTO payer_ruleset (version, content) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING
"""
FIRST_READ_S = 10.0

logger = logging.getLogger("claimwire.coding")


class RulesUnreadError(RuntimeError):
    """The payers' rules have not been read yet, for the first time: no claim is judged without."""


class Rulebook:
    """The rules of this process. `refresh` is cheap where nothing has changed."""

    def __init__(self, reference: Callable[[], Reference] = lambda: REFERENCE) -> None:
        self._reference = reference
        self.ruleset = Ruleset(reference())
        self._known: tuple[tuple[str, str], ...] = ()
        self._may_judge = asyncio.Event()
        self._may_judge.set()

    def hold(self) -> None:
        """No claim is judged until `open`."""
        self._may_judge.clear()

    def open(self) -> None:
        self._may_judge.set()

    async def refresh(self, connection: Any) -> Ruleset:
        """The ruleset in force, in this transaction. Raises RulesUnreadError while held."""
        if not self._may_judge.is_set():
            try:
                await asyncio.wait_for(self._may_judge.wait(), FIRST_READ_S)
            except TimeoutError:
                raise RulesUnreadError("the payers' rules have not been read yet") from None
        active = tuple((row[0], row[1]) for row in await connection.fetch(_ACTIVE))
        if active == self._known:
            ruleset = Ruleset(self._reference(), self.ruleset.rules)
        else:
            rules = await compiled(connection)
            ruleset = Ruleset(self._reference(), rules)
            logger.info("payer rules in force", extra={"count": len(rules.packs)})
        # Another task may have been here meanwhile: rules and what they were made of go together.
        self.ruleset, self._known = ruleset, active
        return ruleset


async def compiled(connection: Any) -> RulePacks:
    """The active packs of this transaction, compiled."""
    rows = await connection.fetch(_CONTENT)
    packs: list[Pack] = []
    for row in rows:
        try:
            packs.append(read_pack(row[0]))
        except PackError:
            # It was admitted once: by a release that allowed what this one does not.
            logger.exception("an active rule pack cannot be read any more and judges nothing")
    return payer_rules(packs)


async def keep_content(connection: Any, rules: RulePacks) -> None:
    """Keeps a set of packs by its name, so that its verdicts can be reproduced for ever."""
    if rules.packs:
        await connection.execute(_KEEP, rules.version, rules.content)


async def kept(connection: Any, version: str) -> RulePacks | None:
    """The payer rules of that version, in whatever year they judged; None where they are not
    known here."""
    content = await connection.fetchval(
        "SELECT content FROM payer_ruleset WHERE version = $1", version
    )
    return None if content is None else from_content(content)
