"""Why somebody is one customer, in the small world."""

import pytest

from orchestration.lib.identity.decisions import RecordKey
from orchestration.lib.identity.explanation import NobodyFound, explain, record_of
from tests.identity.world import Person, World, world


@pytest.fixture
def here() -> World:
    """Anna's three records, a father who shares her telephone, and a pinned one."""
    phone = "+79160000001"
    made = world(
        {
            "a": Person(email="anna@a.example", phone=phone, first_name="Anna"),
            "b": Person(email="anna@a.example", first_name="Аня", seen_on=None),
            "father": Person(phone=phone, first_name="Boris"),
            "pinned": Person(first_name="Anna", seen_on=None),
        }
    ).decide("pin", "b", "pinned")
    made.resolve()
    made.connection.execute(
        """
        create schema intermediate;
        create table intermediate.int_source_records as
        select *, cast(null as varchar) as last_name from records;
        create table intermediate.int_identifiers as
        select *, identifier_value as match_key from identifiers
        """
    )
    return made


def test_the_chain_says_what_joined_each_record_to_which(here: World) -> None:
    anna = explain(here.connection, "anna@a.example")

    assert [(each.record, each.to, each.by) for each in anna.records] == [
        ("crm.contacts:a", None, None),
        ("crm.contacts:b", "crm.contacts:a", "email anna@a.example"),
        (
            "crm.contacts:pinned",
            "crm.contacts:b",
            "pin (by anna) of crm.contacts:b and crm.contacts:pinned",
        ),
    ]
    assert anna.decisions == ["pin of crm.contacts:b and crm.contacts:pinned by anna"]


def test_what_did_not_join_is_told_with_whose_it_is_too(here: World) -> None:
    anna = explain(here.connection, "crm.contacts:a")
    father = explain(here.connection, "crm.contacts:father")

    (refused,) = anna.not_joined
    assert refused.identifier == "phone +79160000001"
    assert refused.because == "shared by different people"
    assert refused.others == [father.customer_id]


def test_a_merged_id_explains_the_one_it_went_into(here: World) -> None:
    before = here.ids()
    here.decide("pin", "a", "father").resolve()
    after = here.ids()["a"]
    (gone,) = {before["a"], before["father"]} - {after}

    explanation = explain(here.connection, gone)

    assert explanation.customer_id == after
    assert explanation.aliases == [gone]
    assert [event.kind for event in explanation.history][-1] == "merged"
    assert "a pin joins" in explanation.history[-1].cause


def test_who_is_nobody_or_several_is_said(here: World) -> None:
    with pytest.raises(NobodyFound, match="nobody is called"):
        explain(here.connection, "x@a.example")
    with pytest.raises(NobodyFound, match="on records of 2 customers"):
        explain(here.connection, "+79160000001")
    here.remove("father").resolve()
    with pytest.raises(NobodyFound, match="retired"):
        explain(here.connection, here.events()[-1][1])


def test_a_customer_stands_for_its_oldest_record(here: World) -> None:
    customer = here.ids()["b"]

    assert record_of(here.connection, customer) == RecordKey("crm", "contacts", "a")
    assert str(record_of(here.connection, "crm.contacts:b")) == "crm.contacts:b"
    with pytest.raises(NobodyFound, match="no delivered record"):
        record_of(here.connection, "crm.contacts:z")
