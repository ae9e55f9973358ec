"""Every sample in a real browser: its page is opened in the console, and what it shows is what the platform did."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from holdfast.author.tools.toolchain import Toolchain
from holdfast.records.database.database import Database
from holdfast.records.models.billing import Service
from holdfast.records.models.users import Client, Tenant
from holdfast.schedules.definitions.service import ScheduleService
from tests.cli.command_runner import Platform
from tests.e2e.console_page import console_page, save_screenshot
from tests.e2e.running_platform import RunningPlatform
from tests.waiting import wait_until

SAMPLES = (
    *("secrets-demo", "service-proxy-demo", "service-proxy-python", "scheduler-demo"),
    *("client-service-read-demo", "invoicing-demo", "manual-invoice-demo"),
)
NAMES = "com.holdfast.sample"
CLIENTS = 12


@pytest.fixture(scope="module")
def ticket_service(toolchain: Toolchain) -> Iterator[str]:
    """The address of the ticket service that the service proxy comes with."""
    server = Path(__file__).parents[2] / "examples" / "service-proxy-demo" / "tickets-server.mjs"
    with subprocess.Popen([toolchain.node, server, "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="module")
def platform(built: Callable[[str], Path], ticket_service: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform with all samples, and records for them."""
    folder = tmp_path_factory.mktemp("samples")
    variables: dict[str, Any] = {"EXT_EGRESS_ALLOWLIST": ticket_service}
    with Platform(folder, *[built(name) for name in SAMPLES], **variables) as process:
        running = RunningPlatform(folder=folder, log=process.stderr_text, variables=variables, **process.ready())
        add_records(running)
        yield running


def add_records(platform: RunningPlatform) -> None:
    """Clients called `Wonderland 01` and so on, and a service of 19 % tax."""
    engine = create_engine(platform.database_url)
    with Session(engine) as session, session.begin():
        tenant = session.scalars(select(Tenant.tenant)).one()
        session.add(
            Service(
                tenant=tenant,
                service_name="Rabbit hole survey",
                billing_method="hourly",
                default_rate=12_500,
                unit_of_measure="hour",
                tax_rate_ppm=190_000,
            )
        )
        for number in range(1, CLIENTS + 1):
            name, email = f"Wonderland {number:02}", f"billing{number:02}@example.com"
            session.add(Client(tenant=tenant, client_name=name, default_currency_code="EUR", billing_email=email))
    engine.dispose()


@pytest.fixture(scope="module")
def page(browser: Browser, platform: RunningPlatform) -> Iterator[Page]:
    """One session for all tests: each opens another sample."""
    with console_page(browser, platform) as page:
        yield page


def open_sample(page: Page, label: str) -> FrameLocator:
    """The frame with the page of a sample."""
    page.get_by_role("navigation").get_by_role("link", name=label, exact=True).click()
    return page.frame_locator("iframe")


def set_up(platform: RunningPlatform, sample: str, *, secrets: dict[str, str], config: dict[str, str]) -> None:
    """Sets secrets and settings of a sample, as an administrator does."""
    address = f"/api/v1/extensions/{NAMES}.{sample}"
    with platform.client() as client:
        assert client.put(f"{address}/secrets", json={"values": secrets}).status_code == 200
        assert client.patch(f"{address}/config", json={"set": config}).status_code == 200


def test_the_secret_and_the_setting_are_in_the_greeting(page: Page, platform: RunningPlatform) -> None:
    with platform.client() as client:
        missing = client.get(f"/api/ext/{NAMES}.secrets-demo/api/greeting")
    assert (missing.status_code, missing.json()["error"]) == (404, "secret_missing")
    set_up(platform, "secrets-demo", secrets={"greeting": "Welcome"}, config={"audience": "Ada"})
    frame = open_sample(page, "Secrets demo")
    expect(frame.locator("#message")).to_have_text("Welcome, Ada!")
    expect(frame.locator("#details")).to_contain_text('{"audience":"Ada"}')
    save_screenshot(page, "secrets-demo")
    set_up(platform, "secrets-demo", secrets={"greeting": "Goodbye"}, config={})
    frame.get_by_role("button", name="Greet again").click()
    expect(frame.locator("#message")).to_have_text("Goodbye, Ada!")


@pytest.mark.parametrize(
    ("sample", "label"), [("service-proxy-demo", "Service proxy demo"), ("service-proxy-python", "Service proxy (Python)")]
)
def test_tickets_of_another_service_are_shown(page: Page, platform: RunningPlatform, ticket_service: str, sample: str, label: str) -> None:
    set_up(platform, sample, secrets={"ALGA_API_KEY": "demo-key"}, config={"algaApiBase": ticket_service})
    frame = open_sample(page, label)
    expect(frame.locator("#tickets tr")).to_have_count(10)
    expect(frame.locator("#tickets tr").first).to_contain_text("T-1001")
    save_screenshot(page, sample)
    frame.locator("#limit").fill("3")
    frame.get_by_role("button", name="Load tickets").click()
    expect(frame.locator("#tickets tr")).to_have_count(3)
    with platform.client() as client:
        answer = client.post(f"/api/ext/{NAMES}.{sample}/proxy/tickets", json={"limit": 25})
    body = answer.json()
    assert (answer.status_code, len(body["tickets"]), body["upstreamStatus"], body["fromProxy"]) == (200, 25, 200, True)


def run_now(platform: RunningPlatform, name: str) -> None:
    """Starts the schedule of that name, as an administrator can."""
    ((tenant, install, schedule),) = platform.execute(
        "SELECT tenant_id, install_id, id FROM tenant_extension_schedule WHERE name = :name", name=name
    )

    async def start() -> None:
        db = Database(platform.database_url)
        await ScheduleService(db).run_now(tenant, install, schedule)
        await db.close()

    # While a browser is open, its event loop runs in this thread.
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(lambda: asyncio.run(start())).result()


RUNS = """SELECT extension_schedule_run.status FROM extension_schedule_run
    JOIN tenant_extension_schedule ON tenant_extension_schedule.id = extension_schedule_run.schedule_id
    WHERE tenant_extension_schedule.name = :name"""


def test_a_created_schedule_runs(page: Page, platform: RunningPlatform) -> None:
    frame = open_sample(page, "Scheduler demo")
    rows = frame.locator("#schedules tr")
    expect(rows).to_contain_text("No schedules yet")
    frame.get_by_role("button", name="Send a heartbeat now").click()
    expect(frame.locator("#heartbeat")).to_contain_text("sent by a person")
    frame.get_by_role("button", name="Create schedules").click()
    expect(frame.locator("#status")).to_have_text("Created: Heartbeat Check, Daily Status Check.")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="Daily Status Check")).to_contain_text("0 9 * * * (America/New_York)")

    run_now(platform, "Heartbeat Check")
    # The schedule may be due in this moment, too. Then one of the two runs is skipped.
    wait_until(
        lambda: ("success",) in platform.execute(RUNS, name="Heartbeat Check"), lambda: platform.execute(RUNS, name="Heartbeat Check")
    )
    frame.get_by_role("button", name="Refresh").click()
    expect(frame.locator("#heartbeat")).to_contain_text("sent by Heartbeat Check")
    expect(rows.filter(has_text="Heartbeat Check")).to_contain_text("success")
    save_screenshot(page, "scheduler-demo")

    frame.get_by_role("button", name="Create schedules").click()
    expect(frame.locator("#status")).to_contain_text("Nothing to create")
    rows.filter(has_text="Daily Status Check").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    assert platform.execute("SELECT name FROM tenant_extension_schedule") == [("Heartbeat Check",)]


def test_clients_and_services_are_shown_page_by_page(page: Page) -> None:
    frame = open_sample(page, "Clients and services")
    frame.get_by_label("Search").fill("wonder")
    frame.get_by_role("button", name="Search").click()
    clients = frame.get_by_role("region", name="Clients")
    expect(clients.locator(".range")).to_have_text(f"1 to 10 of {CLIENTS}")
    expect(clients.locator("tbody tr").first).to_contain_text("Wonderland 01")
    clients.get_by_role("button", name="Next").click()
    expect(clients.locator(".range")).to_have_text(f"11 to {CLIENTS} of {CLIENTS}")
    expect(clients.locator("tbody tr").last).to_contain_text("billing12@example.com")
    frame.get_by_label("Search").fill("SURVEY")
    frame.get_by_label("Search").press("Enter")
    expect(frame.get_by_role("region", name="Services").locator("tbody")).to_contain_text("125.00 per hour")
    expect(clients.locator(".range")).to_have_text("None found.")
    frame.get_by_label("Search").fill("")
    frame.get_by_label("Search").press("Enter")
    expect(clients.locator("tbody tr")).to_have_count(10)
    save_screenshot(page, "client-service-read-demo")


INVOICES = """SELECT invoices.status, invoices.currency_code, invoices.subtotal, invoices.tax, invoices.total, invoices.po_number
    FROM invoices JOIN clients ON clients.client_id = invoices.client_id WHERE clients.client_name = :client"""


def test_an_invoice_of_given_ids_is_created(page: Page, platform: RunningPlatform) -> None:
    ((client_id,),) = platform.execute("SELECT client_id FROM clients WHERE client_name = 'Wonderland 01'")
    ((service_id,),) = platform.execute("SELECT service_id FROM services WHERE service_name = 'Rabbit hole survey'")
    frame = open_sample(page, "Invoicing demo")
    frame.get_by_label("Client id").fill(str(client_id))
    frame.get_by_label("Service id").fill(str(service_id))
    frame.get_by_label("Quantity").fill("2")
    frame.get_by_role("button", name="Create draft invoice").click()
    expect(frame.locator("#invoice")).to_contain_text("(draft): 297.50")
    save_screenshot(page, "invoicing-demo")
    assert platform.execute(INVOICES, client="Wonderland 01") == [("draft", "EUR", 25_000, 4_750, 29_750, None)]
    with platform.client() as client:
        address = f"/api/ext/{NAMES}.invoicing-demo/api"
        assert client.get(f"{address}/status").json()["ok"] is True
        refused = client.post(f"{address}/create-manual-invoice", json={"clientId": client_id, "items": []})
    assert (refused.status_code, list(refused.json()["fieldErrors"])) == (400, ["items"])


def test_an_invoice_is_created_with_the_form(page: Page, platform: RunningPlatform) -> None:
    frame = open_sample(page, "Manual invoice")
    frame.get_by_label("Client").select_option("Wonderland 02")
    frame.get_by_label("PO number").fill("PO-7")
    frame.get_by_label("Service").select_option("Rabbit hole survey")
    expect(frame.get_by_label("Rate")).to_have_value("125.00")
    frame.get_by_label("Quantity").fill("1.5")
    frame.get_by_role("button", name="Add a line").click()
    frame.get_by_label("Service").last.select_option("Rabbit hole survey")
    frame.get_by_label("Rate").last.fill("0.29")
    expect(frame.locator("#total")).to_have_text("Total before tax: €187.79")
    frame.get_by_role("button", name="Create draft invoice").click()
    expect(frame.locator("#status")).to_contain_text("€223.48 with tax")
    save_screenshot(page, "manual-invoice-demo")
    assert platform.execute(INVOICES, client="Wonderland 02") == [("draft", "EUR", 18_779, 3_569, 22_348, "PO-7")]
