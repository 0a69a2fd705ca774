"""The summary that ends a run: deliveries, customers, five KPIs, audiences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.warehouse import connect, literal


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures of the state after a run; no value of a row among them."""

    as_of: str
    base_currency: str
    delivered: int
    accepted: int
    quarantined: int
    duplicates: int
    #: Rows held back and cells held back, by rule.
    held_rows: dict[str, int]
    held_cells: dict[str, int]
    #: Rows with a finding that is open, repaired, released or dropped.
    row_statuses: dict[str, int]
    refused_files: list[str]
    #: Places that were not fetched whole when they were last asked, with reasons.
    unfetched_places: list[str]
    records: int
    customers: int
    #: The last whole month before the as-of date, and its figures.
    kpi_month: str | None
    kpis: dict[str, Any]
    #: Per audience and destination: members held, and who was left out why.
    audiences: list[dict[str, Any]]


def summarise(
    warehouse: Path, marts: Path, activation: Path, places: Sequence[str]
) -> Summary:
    """Read the figures of the state as it is.

    Args:
        places: names of the places that are configured now.

    Raises:
        FileNotFoundError: nothing has run yet.
    """
    with connect(warehouse, read_only=True) as connection:
        connection.execute(f"attach {literal(str(marts))} as marts (read_only)")
        if activation.exists():
            connection.execute(
                f"attach {literal(str(activation))} as activation (read_only)"
            )
        run = _row(
            connection,
            "select as_of, base_currency from ops.runs"
            " order by started_at desc, run_id desc limit 1",
        )
        rows = _row(
            connection,
            "select sum(delivered), sum(accepted), sum(quarantined), sum(duplicates)"
            " from quality.reconciliation",
        )
        kpi = _rows(
            connection,
            """
            select period_start, net_revenue, orders, buyers, aov, repeat_purchase_rate
            from marts.kpi_company
            where period_grain = 'month' and orders > 0
                and period_start < date_trunc('month', cast(? as date))
            order by period_start desc
            limit 1
            """,
            [run[0]],
        )
        return Summary(
            as_of=str(run[0]),
            base_currency=run[1],
            delivered=int(rows[0] or 0),
            accepted=int(rows[1] or 0),
            quarantined=int(rows[2] or 0),
            duplicates=int(rows[3] or 0),
            held_rows=_held(connection, "critical"),
            held_cells=_held(connection, "warning"),
            row_statuses={"open": 0}
            | dict(
                _rows(
                    connection,
                    "select status, count(distinct row_id) from quality.quarantine"
                    " group by status order by status",
                )
            ),
            refused_files=[
                row[0]
                for row in _rows(
                    connection,
                    "select reason from ops.file_ledger"
                    " where outcome in ('refused', 'partly') order by file_name",
                )
            ],
            unfetched_places=[
                f"{place}: {detail or state}"
                for place, state, detail in _rows(
                    connection,
                    "select stage[7:] as name, state, detail from ops.stages"
                    " where stage like 'fetch %' and state <> 'passed'"
                    " and list_contains(?, name) order by name",
                    [list(places)],
                )
            ],
            records=_row(connection, "select count(*) from identity.customer_ids")[0],
            customers=_row(connection, "select count(*) from marts.customer_360")[0],
            kpi_month=str(kpi[0][0])[:7] if kpi else None,
            kpis=dict(
                zip(
                    ("net_revenue", "orders", "buyers", "aov", "repeat_purchase_rate"),
                    kpi[0][1:],
                    strict=True,
                )
            )
            if kpi
            else {},
            audiences=_audiences(connection) if activation.exists() else [],
        )


def text(summary: Summary) -> str:
    """The summary as a person reads it."""
    money = f"{summary.base_currency}"
    lines = [
        f"Deliveries   {summary.delivered:,} rows = {summary.accepted:,} accepted"
        f" + {summary.quarantined:,} quarantined"
        f" + {summary.duplicates:,} exact duplicates",
    ]
    if summary.held_rows:
        lines.append(f"  rows held  {_counts(summary.held_rows)}")
    if summary.held_cells:
        lines.append(f"  cells held {_counts(summary.held_cells)}")
    if any(summary.row_statuses.values()):
        lines.append(
            f"  quarantine {_counts(summary.row_statuses)} (crm360 quarantine list)"
        )
    lines += [f"  not read   {reason}" for reason in summary.refused_files]
    lines += [f"  not fetched {reason}" for reason in summary.unfetched_places]
    lines.append(
        f"Customers    {summary.customers:,} from {summary.records:,} source records"
    )
    if summary.kpi_month:
        kpis = summary.kpis
        repeat = kpis["repeat_purchase_rate"]
        lines.append(
            f"KPIs {summary.kpi_month} net revenue {kpis['net_revenue']:,} {money},"
            f" orders {kpis['orders']:,}, buyers {kpis['buyers']:,},"
            f" AOV {kpis['aov']:,} {money},"
            f" repeat purchase rate {float(repeat or 0):.1%}"
        )
    told = None
    for audience in summary.audiences:
        lines.append(
            f"Audience     {audience['audience']} -> {audience['destination']}:"
            f" last plan +{audience['adds']} ~{audience['changes']}"
            f" -{audience['removes']}, {audience['held']:,} members acknowledged,"
            f" {audience['left_out']:,} left out"
        )
        reasons = (audience["audience"], audience["reasons"])
        if audience["reasons"] and reasons != told:
            lines.append(f"  left out   {_counts(audience['reasons'])}")
        told = reasons
        if audience["held_because"]:
            lines.append(f"  not sent   {'; '.join(audience['held_because'])}")
    return "\n".join(lines)


def _held(connection: duckdb.DuckDBPyConnection, severity: str) -> dict[str, int]:
    return dict(
        _rows(
            connection,
            "select rule, count(*) from quality.quarantine"
            " where severity = ? and status = 'open'"
            " group by rule order by count(*) desc, rule",
            [severity],
        )
    )


def _audiences(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    plans = _rows(
        connection,
        """
        select plan_id, audience, destination, adds, changes, removes, left_out, status
        from (
            select
                plans.*,
                row_number() over (
                    partition by audience, destination
                    order by created_at desc, plan_id desc
                ) as recency
            from activation.plans
        )
        where recency = 1
        order by audience, destination
        """,
    )
    names = (
        "plan_id", "audience", "destination", "adds", "changes", "removes", "left_out",
        "status",
    )  # fmt: skip
    found = []
    for plan in plans:
        entry = dict(zip(names, plan, strict=True))
        entry["held"] = _row(
            connection,
            "select count(*) from activation.acknowledged"
            " where audience = ? and destination = ?",
            [entry["audience"], entry["destination"]],
        )[0]
        entry["held_because"] = [
            message
            for (message,) in _rows(
                connection,
                "select message from activation.holds"
                " where plan_id = ? and ? = 'planned' order by place",
                [entry["plan_id"], entry["status"]],
            )
        ]
        entry["reasons"] = dict(
            _rows(
                connection,
                "select reason, count(*) from activation.plan_rows"
                " where plan_id = ? and operation = 'left_out'"
                " group by reason order by count(*) desc, reason",
                [entry["plan_id"]],
            )
        )
        found.append(entry)
    return found


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _rows(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: list[Any] | None = None,
) -> list[Any]:
    return connection.execute(query, parameters or []).fetchall()


def _row(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: list[Any] | None = None,
) -> Any:  # noqa: ANN401 - a row of whatever the query selects
    return connection.execute(query, parameters or []).fetchone()
