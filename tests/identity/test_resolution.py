"""Who is one customer, under which id, and why: whole resolutions of a small world."""

from dataclasses import replace
from datetime import date

from orchestration.lib.identity.model import default_model
from tests.identity.world import ROLE, Person, World, world

ANNA = Person(email="anna@a.example", phone="+79160000001", first_name="anna")
BORIS = Person(email="boris@a.example", phone="+79160000001", first_name="boris")


def test_a_chain_of_shared_identifiers_is_one_customer() -> None:
    """Fivetran: an address alone is a person, and joins by pairs are not closed."""
    here = world(
        {
            "a": Person(email="one@a.example"),
            "b": Person(email="one@a.example", phone="+79160000001"),
            "c": Person(phone="+79160000001"),
            "d": Person(phone="+79160000002"),
        }
    )
    here.resolve()

    assert here.people() == {frozenset("abc"), frozenset("d")}


def test_a_family_phone_joins_each_person_s_records_and_nobody_else_s() -> None:
    phone = "+79160000001"
    here = world(
        {
            "anna": ANNA,
            "anna's order": Person(phone=phone, first_name="anna"),
            "boris": BORIS,
            "boris's order": Person(phone=phone, first_name="boris"),
            "somebody": Person(phone=phone),
        }
    )
    here.resolve()

    assert here.people() == {
        frozenset({"anna", "anna's order"}),
        frozenset({"boris", "boris's order"}),
        frozenset({"somebody"}),
    }


def test_who_logs_in_last_on_a_shared_device_does_not_take_all_that_it_saw() -> None:
    """Snowplow's unified user mapping: the last `user_id` of a cookie wins."""
    here = world(
        {
            "anna": Person(email="anna@a.example", first_name="anna"),
            "anna's visit": Person(
                email="anna@a.example", first_name="anna", client_id="tablet"
            ),
            "a visit": Person(client_id="tablet"),
        }
    )
    here.resolve()
    before = here.ids()

    here.put(
        **{
            "boris's visit": Person(
                email="boris@a.example", first_name="boris", client_id="tablet"
            )
        }
    ).resolve()

    assert frozenset({"anna", "anna's visit"}) in here.people()
    assert frozenset({"boris's visit"}) in here.people()
    assert here.ids()["anna's visit"] == before["anna's visit"]


def test_a_role_mailbox_joins_nobody_and_says_why() -> None:
    here = world({"a": Person(email=ROLE), "b": Person(email=ROLE)})
    here.resolve()

    assert len(here.people()) == 2
    assert here.connection.execute("from identity.blocked_identifiers").fetchall() == [
        ("email", ROLE, "role mailbox", 2, None)
    ]


def test_a_value_of_too_many_names_is_nobody_s() -> None:
    names = ("anna", "boris", "viktor", "galina")
    here = world(
        {name: Person(phone="+79160000001", first_name=name) for name in names}
        | {"anna's": Person(phone="+79160000001", first_name="anna")}
    )
    here.resolve()

    assert len(here.people()) == 5
    reasons = here.connection.execute(
        "select reason from identity.blocked_identifiers"
    ).fetchall()
    assert reasons == [("of more than 3 different people",)]


def test_two_names_that_a_nameless_record_joins_go_with_the_stronger_evidence() -> None:
    here = world(
        {
            "anna": Person(email="x@a.example", first_name="anna"),
            "nobody": Person(email="x@a.example", phone="+79160000001"),
            "boris": Person(phone="+79160000001", first_name="boris"),
        }
    )
    here.resolve()

    assert here.people() == {frozenset({"anna", "nobody"}), frozenset({"boris"})}
    refused = here.connection.execute(
        "select record_id, not_joining_because from identity.identifier_edges"
        " where not_joining_because is not null"
    ).fetchall()
    assert [reason for _, reason in refused] == ["contradicts stronger evidence"]


def test_people_of_one_name_and_different_birth_dates_are_two() -> None:
    here = world(
        {
            "mother": Person(
                email="x@a.example", first_name="anna", birth_date="1960-02-03"
            ),
            "daughter": Person(
                email="x@a.example", first_name="anna", birth_date="1991-07-30"
            ),
        }
    )
    here.resolve()

    assert len(here.people()) == 2


def test_namesakes_who_state_other_contacts_are_not_asked_about() -> None:
    namesake = Person(first_name="anna", last_name="annina", city="kazan")
    olga = Person(first_name="olga", last_name="orlova", city="moscow")
    here = World(default_model()).put(
        **{
            f"c{number}": replace(olga, phone=f"7916{number:07}")
            for number in range(20)
        },
        buyer=replace(namesake, email=ROLE),
        again=replace(namesake, email=ROLE),
        elsewhere=replace(namesake, email="info@another.example"),
        caller=replace(namesake, phone="79160000003"),
    )
    here.resolve()

    asked = here.connection.execute(
        "select list_sort([left_record_id, right_record_id]) from identity.review_queue"
    ).fetchall()
    assert asked == [(["again", "buyer"],)]


def test_a_merge_keeps_the_older_id_and_says_what_joined() -> None:
    here = world(
        {
            "old": Person(email="x@a.example", seen_on=date(2020, 1, 1)),
            "new": Person(phone="+79160000001", seen_on=date(2025, 1, 1)),
        }
    )
    here.resolve()
    before = here.ids()

    here.change("new", email="x@a.example").resolve()

    assert set(here.ids().values()) == {before["old"]}
    assert here.aliases()[before["new"]] == before["old"]
    assert here.events()[-1] == (
        "merged",
        before["old"],
        before["new"],
        "the same email joins crm.contacts:new to crm.contacts:old",
    )


def test_a_split_keeps_the_id_on_the_larger_part() -> None:
    shared = Person(email="x@a.example")
    here = world({"a": shared, "b": shared, "c": shared})
    here.resolve()
    before = here.ids()["a"]

    here.change("a", email="y@a.example").resolve()

    after = here.ids()
    assert after["b"] == after["c"] == before != after["a"]
    assert [event[:3] for event in here.events()][-1] == ("split", after["a"], before)


def test_undoing_a_merge_gives_both_their_ids_back() -> None:
    here = world({"a": Person(email="x@a.example"), "b": Person(email="y@a.example")})
    here.resolve()
    before = here.ids()

    here.decide("pin", "a", "b").resolve()
    assert len(set(here.ids().values())) == 1
    here.undecide("a", "b").resolve()

    assert here.ids() == before
    assert here.aliases() == {customer: customer for customer in before.values()}


def test_a_veto_beats_every_identifier_and_undoing_it_restores() -> None:
    here = world({"a": ANNA, "b": ANNA, "c": ANNA})
    here.resolve()
    before = here.ids()

    here.decide("veto", "a", "b").resolve()
    apart = here.ids()
    assert apart["a"] != apart["b"]
    assert "a veto keeps them apart" in [event[3] for event in here.events()]
    here.undecide("a", "b").resolve()

    assert here.ids() == before


def test_a_pin_beats_different_names() -> None:
    here = world({"anna": ANNA, "boris": BORIS}).decide("pin", "anna", "boris")
    here.resolve()

    assert len(here.people()) == 1


def test_a_record_that_comes_again_gets_its_id_again() -> None:
    here = world({"a": ANNA, "b": Person(email="y@a.example")})
    here.resolve()
    before = here.ids()

    here.remove("a").resolve()
    assert here.events()[-1][0] == "retired"
    assert here.aliases()[before["a"]] is None
    here.put(a=ANNA).resolve()

    assert here.ids() == before
    assert here.aliases()[before["a"]] == before["a"]


def test_what_changed_nothing_is_no_event() -> None:
    here = world({"a": ANNA, "b": BORIS})
    here.resolve()
    events = here.events()

    assert here.resolve() == {}
    assert here.resolve(backwards=True) == {}
    assert here.events() == events
