"""Custom Audiences, by Meta's published rules."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.meta import MetaDestination, MetaOptions
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.meta import Meta
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Conformance, Subject, apply, use
from tests.destinations.conftest import World

TOKEN, SECRET = "EAAB-token", "app-secret"
AUDIENCE = "23850000000000001"
NAMES = ("anna", "boris", "vera", "anya")

Connect = Callable[..., MetaDestination]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def vendor() -> Meta:
    return Meta(TOKEN, SECRET)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def connect(vendor: Meta, faults: Faults) -> Iterator[Connect]:
    with running(application([vendor], faults)) as url:

        def connected(
            token: str = TOKEN, secret: str = SECRET, **options: Any
        ) -> MetaDestination:
            given = {
                "audiences": {"winback": AUDIENCE},
                "identifiers": ("EMAIL", "FN"),
                "timeout_seconds": 5.0,
                "attempts": 2,
            }
            return MetaDestination(
                "meta",
                MetaOptions(
                    access_token_env="TOKEN", base_url=f"{url}/meta", **given | options
                ),
                {"access_token_env": token, "app_secret_env": secret},
                Path(),
            )

        yield connected


def held(vendor: Meta) -> dict[str, str]:
    """Customers by the hash of their address, with the first name of the hash."""
    people = {sha256(f"{name}@mail.ru"): name for name in NAMES}
    names = {sha256(name): name for name in NAMES}
    told = {"anna": "anna", "boris": "boris", "vera": "vera", "anya": "Anya"}
    return {
        people[entry["EMAIL"]]: told[names[entry["FN"]]]
        for entry in vendor.holds().get(AUDIENCE, [])
    }


class TestMeta(Conformance):
    @pytest.fixture
    def subject(
        self, world: World, vendor: Meta, faults: Faults, connect: Connect
    ) -> Subject:
        use(world, connect(), {"EMAIL": "email", "FN": "first_name"})
        world.sync_with(batch_rows=2)
        return Subject(
            connect=connect,
            members=lambda: held(vendor),
            faults=faults,
            strange=lambda: connect("somebody else's"),
        )

    def test_a_change_arrives(self, world: World, subject: Subject) -> None:
        """Who a member was is removed, and who they are now is added."""
        apply(world, subject)
        world.execute(
            "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
        )

        assert apply(world, subject).sent == 2

        assert subject.members() == {"anna": "Anya", "boris": "boris", "vera": "vera"}


def by_phone(world: World, connect: Connect) -> MetaDestination:
    """E-mail and phone go; the phone of boris is one that nobody has."""
    destination = connect(identifiers=("EMAIL", "PHONE"))
    use(world, destination, {"EMAIL": "email", "PHONE": "phone"})
    world.execute("alter table audience_winback drop phone")
    world.execute("alter table audience_winback add phone varchar")
    world.execute(
        "update audience_winback set phone = case customer_id"
        " when 'anna' then '+7 916 123-45-67' when 'boris' then '+0000000000' end"
    )
    return destination


def test_a_row_has_blanks_for_what_is_not_known_of_a_member(
    world: World, vendor: Meta, connect: Connect
) -> None:
    """A peer took the schema of all rows from the keys of the first."""
    assert world.apply(by_phone(world, connect)).problem is None

    _, _, body = vendor.requests[0]
    assert body["payload"]["schema"] == ["EMAIL", "PHONE"]
    assert sorted(body["payload"]["data"]) == sorted(
        [
            [sha256("anna@mail.ru"), sha256("79161234567")],
            [sha256("boris@mail.ru"), ""],
            [sha256("vera@mail.ru"), ""],
        ]
    )


def test_one_bad_phone_fails_neither_its_row_nor_the_batch(
    world: World, vendor: Meta, connect: Connect
) -> None:
    """A peer's whole batch failed because of +0000000000."""
    world.apply(by_phone(world, connect))

    assert world.held() == {"anna", "boris", "vera"}
    assert len(vendor.requests) == 1


def test_a_removal_names_everything_that_meta_may_have_matched(
    world: World, vendor: Meta, connect: Connect
) -> None:
    destination = by_phone(world, connect)
    world.apply(destination)
    world.drop("anna")

    world.apply(destination)

    method, _, body = vendor.requests[-1]
    assert method == "DELETE"
    assert body["payload"]["data"] == [[sha256("anna@mail.ru"), sha256("79161234567")]]
    assert len(vendor.holds()[AUDIENCE]) == 2


def test_who_has_no_identifier_at_all_is_left_out(
    world: World, vendor: Meta, connect: Connect
) -> None:
    destination = connect(identifiers=("PHONE",))
    by_phone(world, connect)
    use(world, destination, {"PHONE": "phone"})

    assert world.apply(destination).problem is None

    assert world.held() == {"anna"}


def test_entries_that_meta_cannot_read_are_refused_and_the_others_are_not(
    world: World, vendor: Meta, connect: Connect
) -> None:
    """A peer took a request with any success for a success of all its rows."""
    destination = connect()
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})
    vendor.unreadable = {sha256("boris@mail.ru")}

    applied = world.apply(destination)

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert world.held() == {"anna", "vera"}
    assert world.state("select error_code from attempts where error_code > ''") == [
        ("invalid_entry",)
    ]
    vendor.unreadable = set()
    assert world.apply(destination).sent == 1
    assert set(held(vendor)) == {"anna", "boris", "vera"}


def test_a_repeated_request_is_the_same_session(
    world: World, vendor: Meta, faults: Faults, connect: Connect
) -> None:
    use(world, connect(), {"EMAIL": "email", "FN": "first_name"})
    faults.schedule = ["lost"]
    assert world.apply(connect(attempts=1)).unknown == 3

    assert world.apply(connect()).problem is None

    first, second = (body["session"] for _, _, body in vendor.requests)
    assert first == second


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": 100, "error_subcode": 1713230}, "flagged"),
        ({"code": 80003}, "limit"),
        ({"code": 200, "error_subcode": 1870090}, "terms"),
        ({"code": 2650, "error_subcode": 1870145}, "being updated"),
    ],
)
def test_what_has_nothing_to_do_with_the_rows_refuses_nobody(
    world: World, vendor: Meta, connect: Connect, error: dict[str, int], told: str
) -> None:
    destination = connect()
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})
    vendor.error = error

    applied = world.apply(destination)

    assert told in (applied.problem or "")
    assert (applied.sent, len(vendor.requests)) == (0, 1)
    vendor.error = None
    assert world.apply(destination).problem is None


def test_a_flagged_audience_is_told(
    world: World, vendor: Meta, connect: Connect
) -> None:
    destination = connect()
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})
    vendor.flagged.add(AUDIENCE)

    assert "flagged" in (world.apply(destination).problem or "")


def test_a_limit_after_a_lost_answer_leaves_members_in_doubt(
    world: World, vendor: Meta, faults: Faults, connect: Connect
) -> None:
    """They are there, although the last that was heard is a refusal."""
    destination = connect(attempts=3)
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})
    faults.schedule = ["lost"]
    changes = vendor._answer

    def then_limited(*args: Any) -> Any:
        vendor.error = {"code": 80003}
        return changes(*args)

    vendor._answer = then_limited  # type: ignore[method-assign]

    assert world.apply(destination).unknown == 3

    vendor.error = None
    world.execute(
        "update customer_consents set is_granted = false where customer_id = 'anna'"
    )
    world.apply(destination)
    assert set(held(vendor)) == {"boris", "vera"}


def test_a_wrong_proof_of_the_apps_secret_sends_nothing(
    world: World, vendor: Meta, connect: Connect
) -> None:
    destination = connect(secret="another")
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})

    assert world.apply(destination).acknowledged == 0
    assert vendor.entries == {}


def test_an_audience_that_no_list_is_configured_for_sends_nothing(
    world: World, vendor: Meta, connect: Connect
) -> None:
    destination = connect(audiences={"another": AUDIENCE})
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})

    assert "no Custom Audience" in (world.apply(destination).problem or "")
    assert vendor.requests == []


def test_a_field_that_a_removal_would_not_name_is_refused(
    world: World, connect: Connect
) -> None:
    destination = connect(identifiers=("EMAIL",))
    use(world, destination, {"EMAIL": "email", "FN": "first_name"})

    with pytest.raises(PlanRefused, match="no field FN"):
        world.apply(destination)


def test_identifiers_are_those_that_meta_knows(connect: Connect) -> None:
    destination = connect(identifiers=("EMAIL", "TELEGRAM"))

    with pytest.raises(ValueError, match="not TELEGRAM"):
        MetaDestination.capabilities(destination.options)


def test_a_request_holds_what_meta_takes_at_once(connect: Connect) -> None:
    assert MetaDestination.capabilities(connect().options).batch_rows == 10_000
