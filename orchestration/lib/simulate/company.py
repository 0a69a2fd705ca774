"""Build a company in DuckDB and write it out, one file after the other."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import duckdb
import xlsxwriter

from orchestration.lib.simulate import headers
from orchestration.lib.simulate.rates import DefectRates

HERE = Path(__file__).parent

# Each creates the tables that the later ones read.
STEPS = (
    "draws",
    "defects",
    "people",
    "members",
    "orders",
    "contacts",
    "customers",
    "events",
    "costs",
    "truth",
)

# Systems that not every simulation needs: sources/<name>.sql makes their exports;
# sources/crm.sql and sales.sql make what several of them share, records.sql says whose
# their records are.
OTHER_SYSTEMS: tuple[str, ...] = (
    "crm",
    "hubspot",
    "salesforce",
    "amocrm",
    "bitrix24",
    "mailchimp",
    "klaviyo",
    "unisender",
    "messaging",
    "site",
    "ga4",
    "meta_ads",
    "google_ads",
    "yandex_direct",
    "surveys",
    "feedback",
    "loyalty",
    "call_centre",
    "questionnaires",
    "delivery",
    "service_desk",
    "sales",
    "shopify",
    "woocommerce",
    "insales",
    "bitrix_shop",
    "pos",
    "payments",
    "records",
)

CSV = "header"
QUOTED_CSV = "header, force_quote *"
SEMICOLONS = "header, delimiter ';'"
SEMICOLONS_CRLF = r"header, delimiter ';', new_line e'\r\n'"
TABS = r"header, delimiter e'\t'"
# One array with one object a line: a single column between brackets, never quoted.
JSON_ARRAY = (
    r"format csv, header false, quote '', escape '', delimiter e'\x1f', "
    r"prefix e'[\n', suffix e'\n]\n', new_line e',\n'"
)
# One text a line: for JSON lines and markup that SQL has put together.
LINES = r"format csv, header false, quote '', escape '', delimiter e'\x1f'"


@dataclass(frozen=True)
class Layout:
    """How the relation of an export becomes the file that its system writes."""

    options: str = CSV
    """Options of DuckDB's COPY."""

    encoding: str = "utf-8"
    before: str = ""
    """Text above the header, such as a title; whole lines."""

    after: str = ""
    """Text below the last row; whole lines."""

    first_line: int = 2
    """Where the pipeline will say that the first row starts."""

    is_workbook: bool = False
    """An XLSX workbook of one sheet, all cells text."""


# The file folder/name is written from the relation folder.name.
EXPORTS = {
    "hubspot/contacts.csv": Layout(),
    "shopify/customers.csv": Layout(),
    "shopify/orders.csv": Layout(),
    "mailchimp/subscribed_members.csv": Layout(QUOTED_CSV),
    "mailchimp/unsubscribed_members.csv": Layout(QUOTED_CSV),
    "mailchimp/cleaned_members.csv": Layout(QUOTED_CSV),
    "sendgrid/events.json": Layout(JSON_ARRAY),
    "ads/campaign_costs.csv": Layout(),
}
OTHER_EXPORTS: dict[str, Layout] = {
    "hubspot/companies.csv": Layout(),
    "hubspot/deals.csv": Layout(),
    "salesforce/contacts.csv": Layout(QUOTED_CSV),
    "salesforce/accounts.csv": Layout(QUOTED_CSV),
    "amocrm/deals.csv": Layout(
        "header false, delimiter ';'", before=headers.AMOCRM_DEALS
    ),
    "bitrix24/contacts.xls": Layout(
        LINES,
        before=headers.BITRIX24_CONTACTS_ABOVE,
        after=headers.BITRIX24_CONTACTS_BELOW,
    ),
    "bitrix24/companies.csv": Layout(
        "header false, delimiter ';', force_quote *",
        encoding="cp1251",
        before=headers.BITRIX24_COMPANIES,
    ),
    "bitrix24/deals.csv": Layout(
        "header, delimiter ';', force_quote *", encoding="cp1251"
    ),
    "mailchimp/campaign_activity.jsonl": Layout(LINES, first_line=1),
    "klaviyo/profiles.csv": Layout(encoding="utf-8-sig"),
    "klaviyo/events.jsonl": Layout(LINES, first_line=1),
    "unisender/contacts.csv": Layout(),
    "unisender/deliveries.csv": Layout(),
    "messaging/deliveries.csv": Layout(),
    "site/page_views.csv": Layout(),
    "ga4/events.jsonl": Layout(LINES, first_line=1),
    "meta_ads/costs_usd.csv": Layout(encoding="utf-8-sig"),
    "meta_ads/costs_rub.csv": Layout(SEMICOLONS, encoding="utf-8-sig"),
    "google_ads/costs_eur.csv": Layout(
        before="Campaign report\nAll time\n", first_line=4
    ),
    "google_ads/costs_rub.csv": Layout(
        TABS, encoding="utf-16", before="Campaign report\nAll time\n", first_line=4
    ),
    "yandex_direct/costs.csv": Layout(
        SEMICOLONS_CRLF,
        encoding="cp1251",
        before="Отчет по дням: shop-direct\r\nЦели: все\r\n\r\n",
        first_line=5,
    ),
    "surveys/nps_responses.csv": Layout(),
    "feedback/messages.csv": Layout(),
    "feedback/churn_reasons.csv": Layout(SEMICOLONS_CRLF, encoding="cp1251"),
    "loyalty/ledger.csv": Layout(SEMICOLONS_CRLF, encoding="cp1251"),
    "call_centre/calls.csv": Layout(SEMICOLONS, encoding="utf-8-sig"),
    "questionnaires/answers.xlsx": Layout(is_workbook=True),
    "delivery/addresses.csv": Layout(),
    "service_desk/tickets.csv": Layout(),
    "shopify/products.csv": Layout(),
    "shopify/abandoned_checkouts.csv": Layout(),
    "woocommerce/orders.csv": Layout(),
    "woocommerce/products.csv": Layout(encoding="utf-8-sig"),
    "insales/orders.csv": Layout(TABS, encoding="cp1251"),
    "insales/products.csv": Layout(TABS, encoding="utf-16"),
    "bitrix_shop/orders.csv": Layout(SEMICOLONS, encoding="cp1251"),
    "pos/receipts.csv": Layout(SEMICOLONS, encoding="utf-8-sig"),
    "payments/attempts.jsonl": Layout(LINES, first_line=1),
}
TRUTH = {
    "truth/people.csv": Layout(),
    "truth/households.csv": Layout(),
    "truth/shared_contacts.csv": Layout(),
    "truth/changes.csv": Layout(),
    "truth/records.csv": Layout(),
    "truth/orders.csv": Layout(),
    "truth/order_lines.csv": Layout(),
    "truth/sales.csv": Layout(),
    "truth/products.csv": Layout(),
    "truth/consents.csv": Layout(),
    "truth/messages.csv": Layout(),
    "truth/costs.csv": Layout(),
    "truth/site_events.csv": Layout(),
    "truth/nps_answers.csv": Layout(),
    "truth/card_operations.csv": Layout(),
    "truth/defects.csv": Layout(),
}

# The arguments of a simulation; only a folder that holds them is ever replaced.
MARKER = "truth/simulation.json"

# Mailboxes and phones are dealt out of ranges that suffice for so many.
MOST_CUSTOMERS = 10_000_000

# DuckDB spills beyond this. A million customers then peak at 2 GiB, all told.
MEMORY_LIMIT = "1536MiB"


@dataclass(frozen=True)
class SimulatedCompany:
    """Where a simulated company lies and how much it delivered."""

    out: Path
    """Its folder, absolute."""

    rows: Mapping[str, int]
    """Rows by file name relative to `out`: repeated rows count, headers and totals,
    whose `_row` is null, do not."""

    @property
    def paths(self) -> dict[str, Path]:
        """Every file by its name relative to `out`."""
        return {name: self.out / name for name in self.rows}


def simulate(
    out: Path,
    *,
    customers: int = 2000,
    days: int = 730,
    seed: int = 360,
    end_on: date = date(2026, 10, 31),
    rates: DefectRates = DefectRates(),  # noqa: B008 - frozen, so safe to share
    every_system: bool = False,
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> SimulatedCompany:
    """Write the exports of an invented company, and the truth behind them, to `out`.

    The exports lie there as their systems deliver them, dirt included. `truth/` says
    who is who, what was really ordered and consented, and which cells were spoiled;
    it joins lists by '|' and keeps instants in UTC.
    `customers` people are followed for `days` days up to and including `end_on`,
    Moscow time. With `every_system` the company also runs the systems that the demo
    does without. The same arguments give the same bytes, however many `threads` DuckDB
    uses (None: one per core). `progress` hears the name of each file once written.

    An earlier simulation in `out` is replaced, once the new one is complete. Raises
    ValueError if `out` holds anything else, for a number of customers outside 1 to 10
    million, and for less than one day.
    """
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise ValueError(f"customers must be 1 to {MOST_CUSTOMERS}, not {customers}")
    if days < 1:
        raise ValueError(f"days must be at least 1, not {days}")
    out = out.resolve()
    _refuse_to_overwrite(out)

    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch_name:
        scratch = Path(scratch_name)
        company = scratch / "company"
        with duckdb.connect(
            scratch / "company.duckdb", config=_configuration(scratch, threads)
        ) as con:
            _set_variables(con, customers, days, seed, end_on, rates)
            rows = _write_company(
                con, company, every_system, progress or (lambda name: None)
            )

        arguments = {
            "customers": customers,
            "days": days,
            "seed": seed,
            "end_on": end_on.isoformat(),
            "rates": asdict(rates),
            "every_system": every_system,
        }
        (company / MARKER).write_text(json.dumps(arguments, indent=2) + "\n")
        if out.exists():
            out.rename(scratch / "previous")
        company.rename(out)
    return SimulatedCompany(out=out, rows=rows)


def _refuse_to_overwrite(out: Path) -> None:
    """Raise ValueError unless `out` is free, empty or an earlier simulation."""
    if not out.exists() or (out / MARKER).is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise ValueError(f"{out} is in use by something other than a simulation")


def _configuration(
    scratch: Path, threads: int | None
) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB's settings: nothing outside the scratch folder, nothing downloaded."""
    configuration: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
    }
    if threads is not None:
        configuration["threads"] = threads
    return configuration


def _set_variables(
    con: duckdb.DuckDBPyConnection,
    customers: int,
    days: int,
    seed: int,
    end_on: date,
    rates: DefectRates,
) -> None:
    """Hand over what the SQL reads with getvariable(); instants are unix seconds."""
    midnight_utc = datetime.combine(end_on + timedelta(days=1), time(), UTC)
    end_at = int(midnight_utc.timestamp()) - 3 * 3600
    variables = {
        "seed": seed,
        "customers": customers,
        "days": days,
        "end_on": end_on,
        "start_at": end_at - days * 86400,
        "end_at": end_at,
        "rates": asdict(rates),
        "lists": str(HERE / "lists"),
        # The least power of ten that numbers three mailboxes for everybody.
        "mailbox_numbers": 10 ** len(str(3 * customers + 2)),
    }
    for name, value in variables.items():
        con.execute(f"set variable {name} = $value", {"value": value})


def _write_company(
    con: duckdb.DuckDBPyConnection,
    company: Path,
    every_system: bool,
    progress: Callable[[str], None],
) -> dict[str, int]:
    """Write every file below `company`; rows by file name."""
    steps, exports = list(STEPS), dict(EXPORTS)
    if every_system:
        # The truth is drawn up last.
        steps[-1:-1] = [f"sources/{system}" for system in OTHER_SYSTEMS]
        exports |= OTHER_EXPORTS
    for step in steps:
        con.execute((HERE / "sql" / f"{step}.sql").read_text(encoding="utf-8"))

    rows = {}
    for name, layout in (exports | TRUTH).items():
        source = PurePosixPath(name).parent.name
        export = PurePosixPath(name).name.split(".")[0]
        if name in exports:
            _record_defects(con, source, export, name, layout)
        (company / source).mkdir(parents=True, exist_ok=True)
        rows[name] = _write(con, f"{source}.{export}", company / name, layout)
        if name in exports:
            rows[name] -= _totals(con, f"{source}.{export}")
        progress(name)
    return rows


def _write(
    con: duckdb.DuckDBPyConnection, relation: str, path: Path, layout: Layout
) -> int:
    """Write a relation but for its columns that open with an underscore; its rows."""
    columns = f"select columns('^[^_]') from {relation}"
    if layout.is_workbook:
        return _write_workbook(con.execute(columns), path)
    [(rows,)] = con.execute(
        f"copy ({columns}) to $path ({layout.options})", {"path": str(path)}
    ).fetchall()
    if layout.encoding != "utf-8" or layout.before or layout.after:
        plain = path.rename(path.with_name(f".{path.name}"))
        with (
            plain.open(encoding="utf-8", newline="") as file,
            path.open("w", encoding=layout.encoding, newline="") as delivered,
        ):
            delivered.write(layout.before)
            shutil.copyfileobj(file, delivered)
            delivered.write(layout.after)
        plain.unlink()
    return int(rows)


def _totals(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """How many rows of an export are no records."""
    [(totals,)] = con.execute(
        f"select count(*) from {relation} where _row is null"
    ).fetchall()
    return int(totals)


def _write_workbook(rows: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Write a result to an XLSX workbook; its rows. The bytes depend on it alone."""
    count = 0
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        workbook.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, [column[0] for column in rows.description or ()])
        while row := rows.fetchone():
            count += 1
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write_string(count, column, str(cell))
    return count


def _record_defects(
    con: duckdb.DuckDBPyConnection,
    source: str,
    export: str,
    name: str,
    layout: Layout,
) -> None:
    """Note where in the file an export was spoiled.

    A copied row is one defect, at the line of the copy; its true value is the line of
    the row it repeats. Spoiled cells that both hold are noted at the first only.
    """
    con.execute(
        f"""
        insert into truth.defects
        with

        placed as (

            select
                _row,
                _copy,
                _defects,
                $first_line + sum(_lines) over (order by rowid) - _lines as line

            from {source}.{export}

        ),

        spoiled_cells as (

            select
                line,
                unnest(_defects, recursive := true)

            from placed

            where _copy = 0
                and len(_defects) > 0

        ),

        copied_rows as (

            select
                copies.line,
                null as column_name,
                'exact_duplicate' as rule,
                originals.line::varchar as true_value,
                copies.line::varchar as delivered_value

            from placed as copies

            inner join placed as originals
                on originals._row = copies._row
                and originals._copy = 0

            where copies._copy = 1

        ),

        final as (

            select * from spoiled_cells

            union all by name

            select * from copied_rows

        )

        select
            $source,
            $export,
            $name,
            line,
            column_name,
            rule,
            true_value,
            delivered_value

        from final

        order by line, column_name
        """,
        {
            "source": source,
            "export": export,
            "name": name,
            "first_line": layout.first_line,
        },
    )
