"""The payer twin around its mind: scenario files, clock, journal and folders."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.payer.clock import Clock
from deploy.twins.payer.journal import AnotherScenarioError
from deploy.twins.payer.scenario import EVERYDAY, Outcome, span_of
from deploy.twins.payer.scenario_file import (
    ScenarioError,
    load_scenario,
    read_scenario,
    shipped_names,
    write_examples,
)
from deploy.twins.payer.watch import Mailroom
from services.commands import twins
from services.commands.failures import CommandError
from shared.contract.claim import Claim

MakeClaim = Callable[..., Claim]
Interchange = Callable[..., bytes]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400


# Scenarios


@pytest.mark.parametrize("name", shipped_names())
def test_every_scenario_that_comes_with_it_can_be_used(name: str) -> None:
    assert load_scenario(name).name == name


def test_a_scenario_that_says_nothing_is_the_default_day() -> None:
    assert read_scenario("") == read_scenario("{}") == load_scenario("everyday") == EVERYDAY


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ("fates: 3", "fates"),
        ("fates: [{outcome: lucky, weight: 1}]", "fates.0.outcome"),
        ("fates: [{outcome: paid, weight: 0}]", "fates"),
        ('prices: {"99213": 92.05}', "prices.99213"),
        ('prices: {"99213": "92.5"}', "prices.99213"),
        ("delays: {payment: soon}", "delays.payment"),
        ("agreed_percent: [90, 55]", "agreed_percent"),
        ("agreed_percent: [0, 101]", "agreed_percent.1"),
        ("nonsense: 1", "nonsense"),
        ("reversals: {percent: 10, nonsense: 1}", "reversals.nonsense"),
        ("claims: [{outcome: paid}]", "claims.0.control_number"),
        ("wrong_totals: [{level: page}]", "wrong_totals.0.level"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_by_its_place(document: str, where: str) -> None:
    with pytest.raises(ScenarioError, match=rf"mine.yaml: {where}: "):
        read_scenario(document, "mine.yaml")


def test_every_fault_of_a_file_is_said_at_once() -> None:
    with pytest.raises(ScenarioError) as raised:
        read_scenario("fates: 3\nnonsense: 1\nagreed_percent: [1]")
    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize("text", ["a: [", "\t- x: : :"])
def test_what_is_no_yaml_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ScenarioError, match="no YAML"):
        read_scenario(text)


def test_a_scenario_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="hard-month"):
        load_scenario(str(tmp_path / "mine.yaml"))


def test_json_is_read_as_well_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"fates": [{"outcome": "paid", "weight": 1}]}))
    assert [fate.outcome for fate in load_scenario(str(path)).fates] == [Outcome.PAID]


def test_examples_are_the_scenarios_and_a_schema_that_they_meet(tmp_path: Path) -> None:
    import jsonschema
    import yaml

    write_examples(tmp_path)
    schema = json.loads((tmp_path / "scenario.schema.json").read_text())
    names = {path.stem for path in tmp_path.glob("*.yaml")}
    assert names == set(shipped_names())
    for name in names:
        document = yaml.safe_load((tmp_path / f"{name}.yaml").read_text())
        jsonschema.validate(json.loads(json.dumps(document)), schema)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31d", timedelta(days=31)),
        ("12h", timedelta(hours=12)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("7", timedelta(days=7)),
    ],
)
def test_spans_of_time(text: str, expected: timedelta) -> None:
    assert span_of(text) == expected


# Clock


class Real:
    """The real time, as the test has it."""

    def __init__(self) -> None:
        self.now_s = NOW

    def __call__(self) -> float:
        return self.now_s


def test_the_time_is_the_real_one_until_somebody_changes_it(tmp_path: Path) -> None:
    assert Clock(tmp_path, Real()).now().timestamp() == NOW
    assert not list(tmp_path.iterdir())


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.integers(0, 1000)),
            st.tuples(st.just("advance"), st.integers(0, 1000)),
            st.tuples(st.just("speed"), st.integers(0, 1000)),
        ),
        max_size=12,
    )
)
def test_the_twins_time_never_goes_back_and_survives_a_restart(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    root, real = tmp_path_factory.mktemp("clock"), Real()
    clock = Clock(root, real)
    expected, speed = NOW, 1.0
    for what, amount in steps:
        if what == "wait":
            real.now_s += amount
            expected += amount * speed
        elif what == "advance":
            clock.advance(timedelta(seconds=amount))
            expected += amount
        else:
            clock.run_at(amount)
            speed = amount
        for one in (clock, Clock(root, real)):
            assert abs(one.now().timestamp() - expected) < 0.01


def test_the_command_line_moves_the_same_clock(tmp_path: Path) -> None:
    before = Clock(tmp_path).now()
    assert twins.clock(tmp_path, "31d", None, as_json=True) == 0
    assert Clock(tmp_path).now() - before >= timedelta(days=31)
    with pytest.raises(CommandError):
        twins.clock(tmp_path, "soon", None, as_json=True)


# Folders


@pytest.fixture
def box(tmp_path: Path, claim: MakeClaim, interchange: Interchange) -> Path:
    """A mailbox with one file in it."""
    folder = tmp_path / "payers" / "clearinghouse"
    (folder / "to-payer").mkdir(parents=True)
    content = interchange(*(claim(f"A{n}", [("99213", 14500)]) for n in range(4)))
    (folder / "to-payer" / "one.837").write_bytes(content)
    return folder


def answers(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "from-payer").glob("*")}


def mailroom(folder: Path, scenario: str = "reversals", seed: int = 1) -> Mailroom:
    return Mailroom(folder.parent, seed, scenario=load_scenario(scenario))


def test_a_restart_goes_on_where_it_was(box: Path) -> None:
    """A new process for every step; each answer once, and the book is the same."""
    for days in (0, 1, 14, 15, 34, 35, 36):
        room = mailroom(box)
        room.round(NOW + days * DAY_S)
    assert sorted(answers(box)) == ["one-2.835", "one.277ca", "one.835", "one.999"]
    whole = mailroom(box)
    whole.round(NOW + 36 * DAY_S)
    assert whole.books()["clearinghouse"].totals() == room.books()["clearinghouse"].totals()


def test_an_answer_that_was_taken_is_not_left_again(box: Path) -> None:
    mailroom(box).round(NOW)
    (box / "from-payer" / "one.999").unlink()
    mailroom(box).round(NOW + 1)
    assert sorted(answers(box)) == ["one.277ca"]


def test_a_journal_line_that_a_kill_cut_off_is_as_if_it_were_not_there(box: Path) -> None:
    mailroom(box).round(NOW)
    journal = box.parent / ".twin" / "clearinghouse" / "journal.ndjson"
    journal.write_text(journal.read_text() + '{"gave": "one.9')
    mailroom(box).round(NOW + 14 * DAY_S)
    assert all(json.loads(line) for line in journal.read_text().splitlines())
    assert "one.835" in answers(box)


def test_killed_between_journal_and_move_the_file_is_still_taken_once(box: Path) -> None:
    mailroom(box).round(NOW)
    before = answers(box)
    (box / "processed" / "one.837").rename(box / "to-payer" / "one.837")
    for name in before:
        (box / "from-payer" / name).unlink()
    journal = box.parent / ".twin" / "clearinghouse" / "journal.ndjson"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:2]))
    room = mailroom(box)
    room.round(NOW + 5)
    assert answers(box) == before
    assert room.books()["clearinghouse"].totals()["repeated_interchanges"] == 0


def test_a_second_file_of_the_same_name_is_another_file(
    box: Path, claim: MakeClaim, interchange: Interchange
) -> None:
    room = mailroom(box, "paid")
    room.round(NOW)
    second = interchange(claim("B1", [("99213", 100)]), number=2)
    (box / "to-payer" / "one.837").write_bytes(second)
    room.round(NOW + 1)
    assert sorted(path.name for path in (box / "processed").iterdir()) == ["one.837", "one.837.2"]
    assert {"one.999", "one-2.999"} <= set(answers(box))


@pytest.mark.parametrize(("scenario", "seed"), [("paid", 1), ("reversals", 2)])
def test_a_folder_belongs_to_one_scenario_and_seed(box: Path, scenario: str, seed: int) -> None:
    mailroom(box).round(NOW)
    with pytest.raises(AnotherScenarioError, match="clearinghouse"):
        mailroom(box, scenario, seed).round(NOW)


def test_a_clock_that_was_set_back_changes_nothing(box: Path) -> None:
    room = mailroom(box, "paid")
    room.round(NOW)
    assert room.round(NOW - DAY_S) == 0


def test_the_book_is_left_for_others_to_read(box: Path) -> None:
    room = mailroom(box, "paid")
    room.round(NOW)
    room.write_book()
    book = json.loads((box.parent / ".twin" / "book.json").read_text())
    assert book["totals"]["paid"] == "580.00"
    assert book["totals"]["claims"] == 4
    (box_book,) = book["mailboxes"].values()
    assert [one["paid"] for one in box_book["claims"]] == ["145.00"] * 4
    assert [one["amount"] for one in box_book["remittances"]] == ["580.00"]


def test_the_program_says_what_is_wrong_with_its_scenario(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("fates: 3\n")
    command = [sys.executable, "-m", "deploy.twins.payer", "--root", str(tmp_path), "--once"]
    done = subprocess.run(
        [*command, "--scenario", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "mine.yaml: fates: " in done.stderr
