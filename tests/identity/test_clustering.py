"""From weighed pairs to clusters."""

from itertools import combinations, product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.identity import clustering
from orchestration.lib.identity.blocking import DAILY_RULES, create_candidates
from orchestration.lib.identity.clustering import ClusterReport, create_clusters
from orchestration.lib.identity.features import create_features
from orchestration.lib.identity.model import default_model
from orchestration.lib.identity.scoring import (
    IdentityMacros,
    Sizes,
    create_compared,
    create_rare_features,
    create_scored_pairs,
    read_sizes,
)
from orchestration.settings import MACROS
from tests.identity.people import Person, connection_with_numbered, rows

IDENTITY_MACROS = IdentityMacros(MACROS)
MODEL = default_model()

ANNA: Person = {
    "first_name": "Anna", "last_name": "Preindlsberger", "birth_date": "1980-03-12",
    "email": "anna16@mail.de", "phone": "+49 151 23456789", "city": "Berlin",
}  # fmt: skip
ROBERT: Person = {**ANNA, "first_name": "Robert", "birth_date": "1951-07-30"}
GRACE: Person = {
    "first_name": "Grace", "last_name": "Kelly", "birth_date": "1991-04-26",
    "email": "grace52@jones.com", "phone": "+44 20 7946 0000", "city": "Hull",
}  # fmt: skip


def score(connection: duckdb.DuckDBPyConnection) -> Sizes:
    """Write `scored_pairs` of the people of a connection."""
    create_features(connection, "people")
    create_candidates(connection, rules=DAILY_RULES)
    sizes = read_sizes(connection)
    attributes = [name for name in MODEL.attributes if sizes.known[name]]
    create_rare_features(connection, attributes)
    create_compared(connection, IDENTITY_MACROS, attributes)
    create_scored_pairs(connection, IDENTITY_MACROS, MODEL, sizes=sizes)
    return sizes


def clustered(
    people: list[tuple[int, Person]],
    extra: list[tuple[int, int, float, bool]] | None = None,
) -> tuple[dict[int, int], ClusterReport, list[tuple[object, ...]]]:
    """Cluster by record, the report, the pairs for review; with pairs of a caller."""
    connection = connection_with_numbered(people)
    sizes = score(connection)
    for left, right, weight, vetoed in extra or []:
        connection.execute(
            "insert into scored_pairs by name select ? as left_record,"
            " ? as right_record, ? as weight, ? as is_vetoed",
            [left, right, weight, vetoed],
        )
    report = create_clusters(connection, MODEL, IDENTITY_MACROS, sizes)
    found = dict(rows(connection, "select record, cluster from clusters"))
    review = rows(
        connection, "select left_record, right_record from review_pairs order by all"
    )
    return found, report, review  # type: ignore[return-value]


def test_records_of_one_person_are_named_after_the_smallest() -> None:
    found, report, _ = clustered([(7, ANNA), (3, GRACE), (5, ANNA), (9, GRACE)])

    assert found == {3: 3, 9: 3, 5: 5, 7: 5}
    assert (report.records, report.clusters, report.largest_cluster) == (4, 2, 2)


def test_two_of_a_household_with_one_phone_and_mailbox_stay_two() -> None:
    found, _, review = clustered([(1, ANNA), (2, ROBERT)])

    assert found == {1: 1, 2: 2}
    assert review == []


def test_a_veto_on_what_is_otherwise_one_person_is_for_review() -> None:
    crowd = [
        (number, {"first_name": f"{a}en", "last_name": f"{a}er{b}", "city": f"{b}dorf"})
        for number, (a, b) in enumerate(product("bdfgklmn", repeat=2), start=3)
    ]

    found, _, review = clustered(
        [(1, ANNA), (2, {**ANNA, "first_name": "Robert"}), *crowd]
    )

    assert (found[1], found[2]) == (1, 2)
    assert review == [(1, 2)]


def test_a_record_between_two_people_does_not_join_them() -> None:
    """Without first name and birth date it fits both; both do not fit each other."""
    between: Person = {**ANNA, "first_name": None, "birth_date": None}

    found, report, _ = clustered([(1, ANNA), (2, between), (3, ROBERT)])

    assert found[1] != found[3]
    assert report.split_components == 1


def test_a_certain_link_of_the_caller_joins_and_a_forbidden_one_parts() -> None:
    joined, _, _ = clustered([(1, ANNA), (2, GRACE)], [(1, 2, 1000.0, False)])
    parted, _, _ = clustered(
        [(1, ANNA), (2, {"first_name": "Grace"}), (3, GRACE)], [(1, 2, 1000.0, True)]
    )

    assert joined == {1: 1, 2: 1}
    assert parted[1] != parted[2]


def test_a_component_that_is_too_large_is_cut_at_its_weakest_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [(number, ANNA) for number in range(1, 4)]
    people += [(number, GRACE) for number in range(4, 7)]
    monkeypatch.setattr(clustering, "LARGEST_COMPONENT", 3)

    found, report, _ = clustered(people, [(3, 4, 9.0, False)])

    assert report.largest_cluster == 3
    assert found[3] != found[4]


VARIANTS = [
    ANNA,
    {**ANNA, "email": None},
    {**ANNA, "first_name": None, "birth_date": None},
    {**ANNA, "first_name": "Ann", "phone": None},
    ROBERT,
    {**ROBERT, "birth_date": None},
    GRACE,
    {**GRACE, "last_name": "Keli", "email": None},
    {**GRACE, "phone": ANNA["phone"]},
    {},
]
CROWDS = st.lists(st.sampled_from(VARIANTS), min_size=2, max_size=9)


@settings(max_examples=25, deadline=None)
@given(CROWDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    people: list[Person], random: object
) -> None:
    numbered = list(enumerate(people, start=1))
    shuffled = list(numbered)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert clustered(numbered) == clustered(shuffled)


@settings(max_examples=25, deadline=None)
@given(CROWDS)
def test_no_cluster_holds_a_vetoed_pair(people: list[Person]) -> None:
    connection = connection_with_numbered(list(enumerate(people, start=1)))
    sizes = score(connection)
    create_clusters(connection, MODEL, IDENTITY_MACROS, sizes)

    found = dict(rows(connection, "select record, cluster from clusters"))
    vetoed = set(
        rows(
            connection,
            "select left_record, right_record from scored_pairs where is_vetoed",
        )
    )
    for left, right in combinations(sorted(found), 2):  # type: ignore[type-var]
        assert not (found[left] == found[right] and (left, right) in vetoed)


def test_every_record_has_a_cluster_even_when_nothing_is_known() -> None:
    found, _, _ = clustered([(1, {}), (2, {})])

    assert found == {1: 1, 2: 2}
