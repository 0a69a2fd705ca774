"""Segments of Yandex Audience, by its published rules."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.yandex import (
    YandexDestination,
    YandexOptions,
)
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.server import application, running
from orchestration.lib.sandbox.yandex import Yandex
from tests.destinations.conformance import ContactConformance, Subject, use
from tests.destinations.conftest import World

TOKEN = "y0_token"

Connect = Callable[..., YandexDestination]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def vendor() -> Yandex:
    return Yandex(TOKEN)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def connect(vendor: Yandex, faults: Faults) -> Iterator[Connect]:
    with running(application([vendor], faults)) as url:

        def connected(token: str = TOKEN, **options: Any) -> YandexDestination:
            given: dict[str, Any] = {"timeout_seconds": 5.0, "attempts": 2}
            return YandexDestination(
                "yandex",
                YandexOptions(
                    token_env="TOKEN", base_url=f"{url}/yandex", **given | options
                ),
                {"token_env": token},
                Path(),
            )

        yield connected


@pytest.fixture
def by_email(world: World, connect: Connect) -> World:
    use(world, connect(), {"email": "email"})
    return world


def held(vendor: Yandex) -> set[str]:
    """Customers whose address is in the segment."""
    people = {sha256(f"{name}@mail.ru"): name for name in ("anna", "boris", "vera")}
    lines = vendor.holds().get("winback", [])
    return {people[line["email"]] for line in lines if line["email"] in people}


class TestYandex(ContactConformance):
    @pytest.fixture
    def subject(
        self, by_email: World, vendor: Yandex, faults: Faults, connect: Connect
    ) -> Subject:
        by_email.sync_with(batch_rows=2)
        return Subject(
            connect=connect,
            members=lambda: {name: name for name in held(vendor)},
            faults=faults,
            strange=lambda: connect("somebody else's"),
        )


def test_the_first_members_make_the_segment(
    by_email: World, vendor: Yandex, connect: Connect
) -> None:
    assert by_email.apply(connect()).problem is None

    (segment,) = vendor.segments.values()
    assert (segment["name"], segment["hashed"]) == ("winback", True)
    assert vendor.requests[0][2].splitlines() == [
        "email",
        *sorted(sha256(f"{name}@mail.ru") for name in ("anna", "boris", "vera")),
    ]


def test_who_comes_later_is_added_to_it_however_few_they_are(
    by_email: World, vendor: Yandex, connect: Connect
) -> None:
    by_email.apply(connect())
    by_email.add("ivan")

    assert by_email.apply(connect()).acknowledged == 1

    assert len(vendor.segments) == 1
    assert len(vendor.holds()["winback"]) == 4


def test_a_member_is_removed_by_the_very_line_that_was_sent(
    world: World, vendor: Yandex, connect: Connect
) -> None:
    destination = connect(identifiers=("phone", "email"))
    use(world, destination, {"email": "email", "phone": "phone"})
    world.apply(destination)
    world.drop("boris")
    world.apply(destination)

    assert held(vendor) == {"anna", "vera"}
    assert vendor.requests[-1][2].startswith("phone,email\n")


def test_a_phone_is_hashed_without_its_plus_and_a_bad_one_is_left_out(
    world: World, vendor: Yandex, connect: Connect
) -> None:
    destination = connect(identifiers=("phone", "email"))
    use(world, destination, {"email": "email", "phone": "phone"})
    world.execute("alter table audience_winback drop phone")
    world.execute("alter table audience_winback add phone varchar")
    world.execute(
        "update audience_winback set phone = case customer_id"
        " when 'anna' then '+79995551111' when 'boris' then '+0000000000' end"
    )

    assert world.apply(destination).acknowledged == 3

    phones = {line["email"]: line["phone"] for line in vendor.holds()["winback"]}
    assert phones == {
        sha256("anna@mail.ru"): sha256("79995551111"),
        sha256("boris@mail.ru"): "",
        sha256("vera@mail.ru"): "",
    }


def test_removals_from_a_segment_that_is_gone_need_no_request(
    by_email: World, vendor: Yandex, connect: Connect
) -> None:
    by_email.apply(connect())
    vendor.segments.clear()
    by_email.drop("boris")

    assert by_email.apply(connect()).acknowledged == 1

    assert vendor.segments == {}


@pytest.mark.parametrize(
    "about",
    [{"hashed": False}, {"content_type": "idfa_gaid"}, {"status": "processing_failed"}],
)
def test_a_segment_of_the_same_name_that_is_none_of_ours_is_left_alone(
    by_email: World, vendor: Yandex, connect: Connect, about: dict[str, Any]
) -> None:
    ours = {"id": 7, "name": "winback", "hashed": True, "content_type": "crm"}
    vendor.segments[7] = ours | about

    applied = by_email.apply(connect())

    assert "segment" in (applied.problem or "")
    assert (applied.sent, vendor.requests) == (0, [])


def test_other_columns_than_the_first_wait_for_a_person(
    world: World, vendor: Yandex, connect: Connect
) -> None:
    use(world, connect(), {"email": "email"})
    world.apply(connect())
    both = connect(identifiers=("email", "phone"))
    use(world, both, {"email": "email", "phone": "phone"})

    with pytest.raises(PlanRefused, match="other fields"):
        world.apply(both)

    assert held(vendor) == {"anna", "boris", "vera"}


def test_fewer_than_a_hundred_members_are_held_back(connect: Connect) -> None:
    assert YandexDestination.capabilities(connect().options).least_members == 100


def test_columns_are_those_that_yandex_matches(connect: Connect) -> None:
    with pytest.raises(ValueError, match="not city"):
        YandexDestination.capabilities(connect(identifiers=("city",)).options)
