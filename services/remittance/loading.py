"""The states that a batch of units needs, whatever they are: the order of the queries is the order
of the locks.

It is apart from the store, which holds the queries, because here is which of them a unit asks for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.remittance import command_store, store
from services.remittance.domain.accounts import NOBODY_KNOWN, Payee
from services.remittance.domain.commands import (
    DecideRemittance,
    Deposited,
    LookedAgain,
    PatientPaid,
    RefundPatient,
    RefundPayer,
    Released,
    ReleaseEnded,
    ResolveClaim,
    WriteOff,
)
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Incoming,
    Numbered,
    Opening,
    Registration,
)
from services.remittance.domain.judging import known_payee, namesakes_of
from services.remittance.domain.matching import line_control_numbers, match_claim
from services.remittance.domain.receipts import payer_refund_key, payment_key, refund_key
from services.remittance.domain.state import (
    FEES,
    AlreadyRead,
    Elsewhere,
    Namesakes,
    Place,
    Remittance,
    State,
    found_key,
    place_key,
)
from shared.database import Connection

Reading = ClaimRead | Released | LookedAgain
MoneyCommand = WriteOff | PatientPaid | RefundPatient | RefundPayer
Money = (WriteOff, PatientPaid, RefundPatient, RefundPayer)
_OF_CLAIM = (Numbered, WriteOff, PatientPaid, RefundPatient, ResolveClaim)


async def load(connection: Connection, bodies: Sequence[Incoming]) -> dict[str, State]:
    """States by key for these units, their rows locked in the order of their ids."""
    states = await _load_remittances(connection, _wanted(bodies))
    reads: list[Reading] = [
        body
        for body in bodies
        if isinstance(body, Released | LookedAgain)
        or (isinstance(body, ClaimRead) and place_key(*body.place) not in states)
    ]
    resolving = [
        read
        for body in bodies
        if isinstance(body, ResolveClaim)
        and isinstance(read := states.get(place_key(*body.place)), AlreadyRead)
    ]
    named = _named(bodies, resolving)
    homes = await store.homes_of_claims(connection, named) if named else {}
    found = await _find_elsewhere(connection, reads)
    found |= {str(claim_id): Elsewhere((str(home.number_id),)) for claim_id, home in homes.items()}
    registering = {UUID(body.number_key) for body in bodies if isinstance(body, Registration)}
    keys = registering | {UUID(body.number_key) for body in reads}
    keys |= {UUID(read.number_key) for read in resolving}
    keys |= {UUID(key) for elsewhere in found.values() for key in elsewhere.keys}
    if keys:
        states |= await store.load_namesakes(connection, keys, registering)
    states |= found
    if reads:
        states |= await _find_undecided(connection, reads, states)
    if reads or resolving:
        states |= await _load_for_postings(connection, reads, resolving, states)
    money = [body for body in bodies if isinstance(body, Money)]
    if money:
        states |= await _load_for_money(connection, money, homes)
    return states


@dataclass(slots=True)
class _Wanted:
    """What of remittances and deposits a batch is about."""

    openings: dict[UUID, Opening] = field(default_factory=dict)
    remittances: set[UUID] = field(default_factory=set)
    reads: list[Place] = field(default_factory=list)
    decided: list[Place] = field(default_factory=list)
    deposits: list[Deposited] = field(default_factory=list)


def _wanted(bodies: Iterable[Incoming]) -> _Wanted:
    wanted = _Wanted()
    for body in bodies:
        if isinstance(body, ClaimRead):
            wanted.openings[body.opening.remittance_id] = body.opening
            wanted.reads.append(body.place)
        elif isinstance(body, Opening):
            wanted.openings[body.remittance_id] = body
        elif isinstance(body, Closing):
            wanted.openings[body.opening.remittance_id] = body.opening
        elif isinstance(body, Released | LookedAgain | ResolveClaim):
            wanted.remittances.add(body.place[0])
            wanted.decided.append(body.place)
        elif isinstance(body, DecideRemittance | ReleaseEnded):
            wanted.remittances.add(body.remittance_id)
        elif isinstance(body, Deposited):
            wanted.deposits.append(body)
    return wanted


def _named(bodies: Iterable[Incoming], resolving: Iterable[AlreadyRead]) -> list[UUID]:
    """The claims of ours that are named by their id."""
    named = {body.claim_id for body in bodies if isinstance(body, _OF_CLAIM)}
    for read in resolving:
        named.add(read.claim_id)
        named.add(read.arrived.meant if read.arrived else None)
    return sorted(claim_id for claim_id in named if claim_id is not None)


async def _load_remittances(connection: Connection, wanted: _Wanted) -> dict[str, State]:
    ids = wanted.openings.keys() | wanted.remittances
    if not ids and not wanted.deposits:
        return {}
    traces = {
        (opening.payer_identifier, opening.trace_number)
        for opening in wanted.openings.values()
        if opening.trace_number is not None
    }
    if wanted.remittances:
        traces |= await command_store.traces_of(connection, wanted.remittances)
    numbers = [body.trace_number for body in wanted.deposits]
    states = await store.load_remittances(connection, ids, traces, numbers)
    if wanted.deposits:
        states |= await command_store.load_deposits(connection, wanted.deposits)
    if traces and any(not _is_settled(states.get(str(one))) for one in ids):
        states |= await command_store.waiting_deposits(connection, [name for _, name in traces])
    if wanted.reads:
        states |= await store.already_read(connection, wanted.reads)
    if wanted.decided:
        states |= await command_store.load_reads(connection, wanted.decided)
    return states


def _is_settled(state: State | None) -> bool:
    """Whether a remittance's cash is posted, so that no deposit waits for it."""
    return isinstance(state, Remittance) and state.status != "held"


async def _find_elsewhere(connection: Connection, reads: Sequence[Reading]) -> dict[str, Elsewhere]:
    """Where claims with a patient control number that is none of ours may belong."""
    if not reads:
        return {}
    keys = {UUID(body.number_key) for body in reads}
    strangers = keys - await store.numbers_with_claims(connection, sorted(keys))
    lost = [body for body in reads if UUID(body.number_key) in strangers]
    if not lost:
        return {}
    payer_numbers = [
        body.claim.payer_claim_control_number
        for body in lost
        if body.claim.payer_claim_control_number
    ]
    control_numbers = [number for body in lost for number in line_control_numbers(body.claim)]
    by_number = (
        await store.homes_by_numbers(connection, payer_numbers, control_numbers)
        if payer_numbers or control_numbers
        else {}
    )
    found = {}
    unnumbered = []
    for body in lost:
        numbers = [body.claim.payer_claim_control_number, *line_control_numbers(body.claim)]
        homes = {key for number in numbers if number for key in by_number.get(number, ())}
        if homes:
            found[found_key(*body.place)] = Elsewhere(tuple(map(str, sorted(homes))))
        else:
            unnumbered.append(body)
    if unnumbered:
        found |= await command_store.candidates(
            connection, [(body.place, body.claim) for body in unnumbered]
        )
    return found


async def _find_undecided(
    connection: Connection, reads: Sequence[Reading], states: dict[str, State]
) -> dict[str, State]:
    """Which payees are providers of ours; and, for scoring, the claims with the number of those
    reads where it does not tell which is meant."""
    payees = {body.place: _payee_of(body, states) for body in reads}
    npis = sorted({payee.identifier for payee in payees.values() if payee.identifier})
    own = await store.own_providers(connection, npis) if npis else {}
    undecided = []
    for body in reads:
        claims = namesakes_of(states, body.number_key).claims
        payee = known_payee(own, payees[body.place])
        if claims and match_claim(claims, body.claim, payee) is None:
            undecided.append((body.place, UUID(body.number_key)))
    if not undecided:
        return own
    return own | await command_store.namesakes(connection, undecided)


def _payee_of(body: Reading, states: dict[str, State]) -> Payee:
    if isinstance(body, ClaimRead):
        return Payee(body.opening.payee_identifier, body.opening.payee_tax_id)
    remittance = states.get(str(body.place[0]))
    return remittance.source.payee if isinstance(remittance, Remittance) else NOBODY_KNOWN


async def _load_for_postings(
    connection: Connection,
    reads: Sequence[Reading],
    resolving: Sequence[AlreadyRead],
    states: dict[str, State],
) -> dict[str, State]:
    """The claims as they were sent that go to a next payer, and the prices that lines may need."""
    onward = [
        claim.id
        for state in states.values()
        if isinstance(state, Namesakes)
        for claim in state.claims
        if claim.next_payers
    ]
    remitted = [body.claim for body in reads]
    remitted += [read.arrived.claim for read in resolving if read.arrived]
    codes = {
        line.billed_procedure.code
        for claim in remitted
        for line in claim.lines
        if line.billed_procedure
    }
    loaded: dict[str, State] = {}
    if onward:
        loaded |= await command_store.documents(connection, onward)
    if codes:
        loaded[FEES] = await command_store.fees(connection, sorted(codes))
    return loaded


async def _load_for_money(
    connection: Connection, bodies: Sequence[MoneyCommand], homes: dict[UUID, store.Home]
) -> dict[str, State]:
    """Which receipts are posted already, what patients paid, and the denials that are named."""
    keys = []
    denials = []
    accounts = set()
    for body in bodies:
        home = None if isinstance(body, RefundPayer) else homes.get(body.claim_id)
        if isinstance(body, RefundPayer):
            keys.append(payer_refund_key(body.payer_identifier, body.reference))
        elif isinstance(body, WriteOff):
            denials += [body.denial] if body.denial else []
        elif home is not None:
            accounts.add(home.account_id)
            keys.append(_receipt_key(str(home.account_id), body))
    loaded = await command_store.posted(connection, keys)
    if accounts:
        loaded |= await command_store.patient_money(connection, accounts)
    if denials:
        loaded |= await command_store.denials(connection, denials)
    return loaded


def _receipt_key(account_id: str, body: PatientPaid | RefundPatient) -> str:
    if isinstance(body, PatientPaid):
        return payment_key(account_id, body.reference)
    return refund_key(account_id, body.reference, is_paid=body.is_paid)
