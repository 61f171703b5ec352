"""Laws of contracts: what is permitted, what is in scope, what is in force, and what leaves of a record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.contract import DISCLOSABLE, SubjectRef, Terms, facets_of, fields_of, well_formed
from gaugeblock.exchange.contract_errors import (
    ContractBasisError,
    ContractCountryError,
    ContractDocumentError,
    ContractFacetError,
    ContractForeignOrderError,
    ContractFourEyesError,
    ContractLimitError,
    ContractMissingError,
    ContractOtherInForceError,
    ContractPartyError,
    ContractPeriodError,
    ContractPurposeError,
    ContractQuotaError,
    ContractRecordTypeError,
    ContractScopeError,
    ContractStepError,
)
from gaugeblock.exchange.contract_history import (
    StepStated,
    VersionStated,
    check_step,
    fold,
    in_force,
    needs_approval,
    next_change,
)
from gaugeblock.exchange.contract_terms import check_terms
from gaugeblock.exchange.disclosure import disclose, proven_facets, whole_facets
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.exchange_facets import ContractStatement, Permission
from gaugeblock.plant.times import from_rfc3339, to_rfc3339

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
ORDERS = ("A1", "A2", "B1", "S1", "X1")
OWNERS: dict[str, str | None] = {"A1": "acme", "A2": "acme", "B1": "beta", "S1": None}
LOTS = ("LA", "LB", "LS")


def _statement(**values: object) -> ContractStatement:
    given_values: dict[str, object] = {
        "version": 1,
        "purpose": "incoming goods",
        "permissions": (Permission("inspection.verdict", ("subject", "statement")),),
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "recipient_country": "DE",
        "classification": "general",
        **values,
    }
    return msgspec.convert(given_values, ContractStatement)


@st.composite
def permissions(draw: st.DrawFn) -> Permission:
    """Also malformed ones."""
    record_type = draw(st.sampled_from((*DISCLOSABLE, "exchange.transfer", "key.binding")))
    facets = draw(st.lists(st.sampled_from(("subject", "statement", "measurement", "process", "inputs")), unique=True))
    known = [f"{facet}.{name}" for facet in facets_of(record_type) for name in fields_of(record_type, facet)]
    fields = draw(st.lists(st.sampled_from(known), unique=True, max_size=3))
    return Permission(record_type, tuple(facets), tuple(fields), draw(st.booleans()))


@st.composite
def statements(draw: st.DrawFn) -> ContractStatement:
    return _statement(
        permissions=tuple(draw(st.lists(permissions(), max_size=4))),
        own_orders=draw(st.booleans()),
        orders=tuple(draw(st.lists(st.sampled_from(ORDERS), unique=True))),
        lots=tuple(draw(st.lists(st.sampled_from(LOTS), unique=True))),
        products=tuple(draw(st.lists(st.sampled_from(("P1", "P2")), unique=True))),
        documents=tuple(draw(st.lists(st.sampled_from(("d1", "d2")), unique=True))),
    )


names = st.one_of(st.none(), st.sampled_from(("acme", "beta")))
subjects = st.builds(
    SubjectRef,
    record_type=st.sampled_from((*DISCLOSABLE, "exchange.transfer", "key.binding")),
    customer=names,
    orders=st.frozensets(st.sampled_from(ORDERS), max_size=2),
    lots=st.frozensets(st.sampled_from(LOTS), max_size=2),
    product=st.one_of(st.none(), st.sampled_from(("P1", "P2"))),
    unit=st.one_of(st.none(), st.just("U1")),
    heat=st.one_of(st.none(), st.just("H1")),
    document=st.one_of(st.none(), st.sampled_from(("d1", "d3"))),
)


def _terms(statement: ContractStatement) -> Terms:
    return Terms(customer="acme", statement=statement, owners=OWNERS, heats=frozenset({"H1"}))


# ── scope and permission ──


@given(statements(), subjects)
def test_a_record_of_a_foreign_order_is_never_permitted(statement: ContractStatement, record: SubjectRef) -> None:
    if record.customer == "beta" or "B1" in record.orders:
        assert _terms(statement).permits(record) is None


@given(statements(), subjects)
def test_denied_by_default(statement: ContractStatement, record: SubjectRef) -> None:
    """Nothing without a permission for its type, and nothing out of scope but a document named by its digest."""
    permitted = _terms(statement).permits(record)
    by_digest = record.record_type == "exchange.document" and record.document in statement.documents
    if permitted is None:
        return
    assert record.record_type in DISCLOSABLE
    if not by_digest:
        assert permitted in statement.permissions
        assert well_formed(permitted)
        assert _terms(statement).in_scope(record)
    empty = msgspec.structs.replace(statement, permissions=(), documents=())
    assert _terms(empty).permits(record) is None


@given(statements(), subjects)
def test_nothing_is_in_scope_of_a_contract_about_nothing(statement: ContractStatement, record: SubjectRef) -> None:
    bare = msgspec.structs.replace(statement, own_orders=False, orders=(), lots=(), products=(), documents=())
    terms = Terms(customer="acme", statement=bare, owners=OWNERS)
    assert terms.permits(record) is None


@given(statements(), subjects)
def test_a_product_alone_opens_no_unit(statement: ContractStatement, record: SubjectRef) -> None:
    products = msgspec.structs.replace(statement, own_orders=False, orders=(), lots=(), documents=())
    terms = Terms(customer="acme", statement=products, owners=OWNERS)
    if record.orders or record.lots or record.unit or record.heat:
        assert terms.permits(record) is None


@given(statements(), subjects, st.sampled_from(ORDERS))
def test_naming_more_orders_never_takes_away(statement: ContractStatement, record: SubjectRef, order: str) -> None:
    more = msgspec.structs.replace(statement, orders=(*statement.orders, order))
    if _terms(statement).permits(record) is not None:
        assert _terms(more).permits(record) is not None


def test_an_order_in_stock_must_be_named_and_an_unknown_one_too() -> None:
    for order in ("S1", "X1"):
        assert not _terms(_statement()).order_in_scope(order)
        assert _terms(_statement(orders=(order,))).order_in_scope(order)
    assert not _terms(_statement(own_orders=False)).order_in_scope("A1")
    assert not _terms(_statement(orders=("B1",))).order_in_scope("B1")


# ── what leaves of a record ──

values = st.dictionaries(st.sampled_from(("verdict", "reason", "score", "unit")), st.integers(), max_size=4)
facet_values = st.dictionaries(st.sampled_from(("subject", "statement", "measurement", "process")), values)


@given(permissions(), facet_values)
def test_a_permission_discloses_its_facets_and_fields_and_nothing_more(
    permission: Permission, facets: dict[str, dict[str, int]]
) -> None:
    seen = disclose(facets, permission)
    assert seen.keys() == facets.keys() & set(permission.facets)
    for facet, given_values in seen.items():
        fields = {path.partition(".")[2] for path in permission.fields if path.partition(".")[0] == facet}
        assert given_values.items() <= facets[facet].items()
        assert given_values.keys() == (facets[facet].keys() & fields if fields else facets[facet].keys())


@given(permissions(), st.sets(st.sampled_from(("subject", "statement", "measurement"))), st.booleans())
def test_evidence_opens_whole_permitted_facets_only(permission: Permission, kept: set[str], personal: bool) -> None:
    for author in ("station:ST10", "person:li"):
        opened = proven_facets(permission, kept, author, personal_information=personal)
        assert set(opened) <= kept & set(permission.facets)
        assert not {path.partition(".")[0] for path in permission.fields} & set(opened)
        if opened:
            assert "statement" in whole_facets(permission)
            assert personal or author != "person:li"


# ── what becomes of a contract ──

AUTHORS = ("person:li", "person:zhao", "exchange:main", "customer:acme", "customer:beta")


@st.composite
def histories(draw: st.DrawFn) -> list[VersionStated | StepStated]:
    events: list[VersionStated | StepStated] = []
    for index in range(draw(st.integers(1, 12))):
        head: dict[str, object] = {
            "index": index,
            "contract": "C-1",
            "customer": draw(st.sampled_from(("acme", "acme", "acme", "beta"))),
            "stated_at": to_rfc3339(NOW),
        }
        if draw(st.booleans()) or index == 0:
            begin = draw(st.integers(-5, 5))
            statement = _statement(
                version=draw(st.integers(1, 4)),
                classification=draw(st.sampled_from(("general", "unclassified", "core"))),
                personal_information=draw(st.booleans()),
                valid_from=to_rfc3339(NOW + timedelta(hours=begin)),
                valid_until=to_rfc3339(NOW + timedelta(hours=begin + draw(st.integers(1, 6)))),
            )
            author = draw(st.sampled_from(AUTHORS[:2]))
            events.append(VersionStated(**head, author=author, statement=statement))  # type: ignore[arg-type]
        else:
            step = draw(st.sampled_from(("approved", "accepted", "accepted", "declined", "revoked")))
            author = draw(st.sampled_from(AUTHORS))
            events.append(StepStated(**head, version=draw(st.integers(1, 4)), step=step, author=author))  # type: ignore[arg-type]
    return events


moments = st.integers(-7, 13).map(lambda hours: NOW + timedelta(hours=hours))


@given(histories(), moments)
def test_what_is_in_force_was_accepted_by_its_customer_and_approved_by_a_second_person(
    events: list[VersionStated | StepStated], now: datetime
) -> None:
    contracts = fold(events)
    for customer in ("acme", "beta"):
        state = in_force(contracts.values(), customer, now)
        if state is None:
            continue
        assert state.stated.customer == customer
        assert from_rfc3339(state.statement.valid_from) <= now < from_rfc3339(state.statement.valid_until)
        assert state.accepted is not None
        assert state.accepted.author in ("exchange:main", f"customer:{customer}")
        if needs_approval(state.statement):
            assert state.approved is not None
            assert state.stated.index < state.approved.index < state.accepted.index
            assert state.approved.author.startswith("person:")
            assert state.approved.author != state.stated.author


@given(histories(), moments)
def test_a_revocation_ends_all_that_was_stated_before_it(
    events: list[VersionStated | StepStated], now: datetime
) -> None:
    contracts = fold(events)
    known = contracts.get("C-1")
    if known is None:
        return
    revoke = StepStated(
        index=len(events),
        contract="C-1",
        customer=known.customer,
        version=known.latest.statement.version,
        step="revoked",
        author="person:li",
        stated_at=to_rfc3339(NOW),
    )
    accept = [
        StepStated(
            index=len(events) + 1 + at,
            contract="C-1",
            customer=known.customer,
            version=state.statement.version,
            step="accepted",
            author="exchange:main",
            stated_at=to_rfc3339(NOW),
        )
        for at, state in enumerate(known.versions)
    ]
    after = fold([*events, revoke, *accept])
    assert in_force(after.values(), known.customer, now) is None
    assert not any(state.stage in ("offered", "accepted") for state in after["C-1"].versions)


@given(histories(), moments)
def test_the_greatest_accepted_version_that_has_begun_is_in_force(
    events: list[VersionStated | StepStated], now: datetime
) -> None:
    contracts = fold(events)
    state = in_force(contracts.values(), "acme", now)
    begun = [
        version
        for known in contracts.values()
        if known.customer == "acme"
        for version in known.versions
        if version.stage == "accepted" and from_rfc3339(version.statement.valid_from) <= now
    ]
    if state is not None:
        assert state.statement.version == max(version.statement.version for version in begun)
    elif begun:
        greatest = max(begun, key=lambda version: version.statement.version)
        assert from_rfc3339(greatest.statement.valid_until) <= now


@given(histories(), moments, st.integers(1, 10**6))
def test_nothing_changes_by_time_alone_before_the_next_change(
    events: list[VersionStated | StepStated], now: datetime, share: int
) -> None:
    contracts = fold(events).values()
    until = next_change(contracts, "acme", now)
    later = now + timedelta(days=9) if until is None else now + (until - now) * (share / 10**6) * 0.999
    assert in_force(contracts, "acme", now) == in_force(contracts, "acme", later)


@given(histories(), st.randoms())
def test_the_fold_takes_records_in_the_order_of_the_log(
    events: list[VersionStated | StepStated], random: object
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(events)


@given(histories(), st.sampled_from(AUTHORS), st.sampled_from(("approved", "accepted", "declined", "revoked")))
def test_a_step_that_is_checked_has_its_effect_and_another_none(
    events: list[VersionStated | StepStated], author: str, step: str
) -> None:
    contracts = fold(events)
    known = contracts.get("C-1")
    if known is None:
        return
    version = known.latest.statement.version
    stated = StepStated(
        index=len(events),
        contract="C-1",
        customer=known.customer,
        version=version,
        step=step,  # type: ignore[arg-type]
        author=author,
        stated_at=to_rfc3339(NOW),
    )
    changed = fold([*events, stated]) != contracts
    try:
        check_step([known], known.customer, "C-1", version, step, author, NOW)  # type: ignore[arg-type]
    except (ContractStepError, ContractPartyError, ContractFourEyesError):
        assert not changed
    else:
        assert changed


def test_what_was_declined_and_nothing_else_cannot_be_revoked() -> None:
    stated = VersionStated(
        index=0, contract="C-1", customer="acme", author="person:li", stated_at=to_rfc3339(NOW), statement=_statement()
    )
    declined = StepStated(
        index=1,
        contract="C-1",
        customer="acme",
        version=stated.statement.version,
        step="declined",
        author="customer:acme",
        stated_at=to_rfc3339(NOW),
    )
    known = fold([stated, declined])["C-1"]
    if known.latest.stage != "declined":  # the statement of these tests may wait for an approval first
        approved = msgspec.structs.replace(declined, step="approved", author="person:wang")
        known = fold([stated, approved, msgspec.structs.replace(declined, index=2)])["C-1"]
    assert known.latest.stage == "declined"
    with pytest.raises(ContractStepError):
        check_step([known], "acme", "C-1", stated.statement.version, "revoked", "person:li", NOW)


def test_one_contract_of_a_customer_is_in_force_at_a_time() -> None:
    def stated(contract: str, index: int) -> VersionStated:
        return VersionStated(
            index=index,
            contract=contract,
            customer="acme",
            author="person:li",
            stated_at=to_rfc3339(NOW),
            statement=_statement(),
        )

    accepted = StepStated(
        index=3,
        contract="C-1",
        customer="acme",
        version=1,
        step="accepted",
        author="exchange:main",
        stated_at=to_rfc3339(NOW),
    )
    contracts = list(fold([stated("C-1", 1), stated("C-2", 2), accepted]).values())
    with pytest.raises(ContractOtherInForceError):
        check_step(contracts, "acme", "C-2", 1, "accepted", "exchange:main", NOW)
    with pytest.raises(ContractMissingError):
        check_step(contracts, "beta", "C-1", 1, "revoked", "exchange:main", NOW)


# ── drafts ──


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"purpose": " "}, ContractPurposeError),
        ({"valid_until": "2025-01-01T00:00:00Z"}, ContractPeriodError),
        ({"valid_from": "tomorrow"}, ContractPeriodError),
        ({"recipient_country": "Germany"}, ContractCountryError),
        ({"quota_per_day": 0}, ContractQuotaError),
        ({"classification": "important"}, ContractBasisError),
        ({"personal_information": True}, ContractBasisError),
        ({"own_orders": False}, ContractScopeError),
        ({"orders": ("B1",)}, ContractForeignOrderError),
        ({"lots": ("LB",)}, ContractForeignOrderError),
        ({"orders": ("",)}, ContractLimitError),
        ({"orders": tuple(f"O{n}" for n in range(501))}, ContractLimitError),
        ({"documents": ("abc",)}, ContractDocumentError),
        ({"permissions": ()}, ContractRecordTypeError),
        ({"permissions": (Permission("exchange.transfer", ("subject",)),)}, ContractRecordTypeError),
        ({"permissions": (Permission("production.order", ("subject",)),) * 2}, ContractRecordTypeError),
        ({"permissions": (Permission("production.order", ("statement",)),)}, ContractFacetError),
        ({"permissions": (Permission("production.order", ("subject", "inputs")),)}, ContractFacetError),
        (
            {"permissions": (Permission("production.order", ("subject", "statement"), ("statement.cost",)),)},
            ContractFacetError,
        ),
        ({"permissions": (Permission("production.order", ("subject",), ("subject.order",)),)}, ContractFacetError),
    ],
)
def test_drafts_that_could_not_be_meant_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    lot_orders = {"LB": "B1", "LA": "A1"}
    check_terms(_statement(orders=("S1", "A1"), lots=("LA",)), "acme", OWNERS, lot_orders)
    with pytest.raises(error):
        check_terms(_statement(**change), "acme", OWNERS, lot_orders)


@given(statements())
def test_what_a_checked_draft_permits_is_well_formed(statement: ContractStatement) -> None:
    try:
        check_terms(msgspec.structs.replace(statement, documents=()), "acme", OWNERS, {})
    except GaugeblockError:
        return
    assert all(well_formed(permission) for permission in statement.permissions)
