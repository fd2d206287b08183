"""All answers to one interchange at once, for who has no time to wait: a payer that knows nothing
else. The same interchange gives the same bytes, whenever and however often it is answered.
"""

from dataclasses import dataclass
from datetime import timedelta

from deploy.twins.payer.core import Payer
from deploy.twins.payer.reception import Received
from deploy.twins.payer.scenario import EVERYDAY, Scenario

_FOR_EVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the twin has to say to one interchange: acknowledgements by their suffix, and its 835s
    in order."""

    at_once: dict[str, bytes]
    remittances: tuple[bytes, ...]
    decisions: int

    @property
    def remittance(self) -> bytes | None:
        """The first 835; in the default scenario the only one."""
        return self.remittances[0] if self.remittances else None


def answer(received: Received, seed: int, scenario: Scenario = EVERYDAY) -> Answers:
    """All answers to one interchange, as of the time that its ISA says."""
    payer = Payer(scenario, seed)
    at = received.created_at
    decisions = payer.take_received(received, "answer", at)
    files = payer.advance(at + _FOR_EVER)
    at_once = {file.kind: file.content for file in reversed(files) if file.kind != "835"}
    return Answers(
        {kind: at_once[kind] for kind in ("ta1", "999", "277ca", "277") if kind in at_once},
        tuple(file.content for file in files if file.kind == "835"),
        decisions,
    )
