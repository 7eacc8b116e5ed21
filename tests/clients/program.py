"""A customer's program, typed by the client that a depot's description makes; says at the end what it did.
usage: program.py URL TOKEN HOOK"""

import json
import sys
from io import BytesIO
from typing import TypeVar, assert_never

from depot_client import AuthenticatedClient
from depot_client.api.bookings import (
    bookings_cancel,
    bookings_create,
    bookings_dispatch,
    bookings_edit,
    bookings_export,
    bookings_import,
    bookings_list,
    bookings_read,
    quotes_create,
)
from depot_client.api.drivers import drivers_list
from depot_client.api.notifications import webhooks_create
from depot_client.api.reports import analytics_summary
from depot_client.api.session import session_read
from depot_client.api.vehicles import vehicles_list
from depot_client.models.booking import Booking
from depot_client.models.booking_patch import BookingPatch
from depot_client.models.booking_request import BookingRequest
from depot_client.models.booking_status import BookingStatus
from depot_client.models.contact_request import ContactRequest
from depot_client.models.new_webhook_request import NewWebhookRequest
from depot_client.models.priority import Priority
from depot_client.models.problem import Problem
from depot_client.models.quote_request import QuoteRequest
from depot_client.models.reason_request import ReasonRequest
from depot_client.models.site_patch import SitePatch
from depot_client.models.site_request import SiteRequest
from depot_client.models.stop_kind import StopKind
from depot_client.models.stop_request import StopRequest
from depot_client.models.vehicle_status import VehicleStatus
from depot_client.types import UNSET, File, Unset

T = TypeVar("T")


def taken(answer: T | Problem | None) -> T:
    """What an answer holds, or the problem that it tells."""
    if isinstance(answer, Problem):
        raise RuntimeError(f"{answer.status} {answer.title}: {answer.detail}")
    assert answer is not None
    return answer


def is_over(status: BookingStatus) -> bool:
    """Is only well typed while every status is dealt with."""
    match status:
        case BookingStatus.DELIVERED | BookingStatus.CANCELLED | BookingStatus.FAILED | BookingStatus.EXPIRED:
            return True
        case BookingStatus.SCHEDULED | BookingStatus.WAITING | BookingStatus.OFFERED:
            return False
        case BookingStatus.ASSIGNED | BookingStatus.ARRIVED | BookingStatus.PICKED_UP:
            return False
        case _:
            assert_never(status)


url, token, hook = sys.argv[1:]
depot = AuthenticatedClient(base_url=url, token=token)
session = taken(session_read.sync(client=depot))
assert session.user is not None and not isinstance(session.user, Unset) and session.user.role == "admin"

pickup = SiteRequest(lat=42.5063, lon=1.5218, address="Dock 3", contact=ContactRequest(name="Ana", phone="+376 800 100"))
dropoff = SiteRequest(lat=42.4633, lon=1.491)
stops = [StopRequest(lat=42.48, lon=1.5, kind=StopKind.VISIT)]
wish = QuoteRequest(pickup=pickup, dropoff=dropoff, stops=stops, priority=Priority.HIGH, load_kg=120)
quote = taken(quotes_create.sync(client=depot, body=wish))
assert sum(line.amount_minor for line in quote.breakdown) == quote.price.amount_minor

order = BookingRequest(pickup=pickup, dropoff=dropoff, stops=stops, priority=Priority.HIGH, load_kg=120, quote_id=quote.id)
booking = taken(bookings_create.sync(client=depot, body=order, idempotency_key="a"))
again = taken(bookings_create.sync(client=depot, body=order, idempotency_key="a"))
assert again.id == booking.id and booking.price.amount_minor == quote.price.amount_minor
for _ in range(2):
    taken(bookings_create.sync(client=depot, body=BookingRequest(pickup=pickup, dropoff=dropoff, customer="Bakery Pons")))

listed: list[Booking] = []
cursor: str | Unset = UNSET
while True:
    page = taken(bookings_list.sync(client=depot, status="waiting,assigned", limit=2, cursor=cursor))
    listed += page.items
    if page.next_ is None:
        break
    cursor = page.next_
assert not any(is_over(each.status) for each in listed)

read = bookings_read.sync_detailed(booking.id, client=depot)
etag = read.headers["etag"]
patch = BookingPatch(notes="ring twice", dropoff=SitePatch(address="Rua 1"), load_kg=None)
patched = taken(bookings_edit.sync(booking.id, client=depot, body=patch, if_match=etag))
assert patched.notes == "ring twice" and isinstance(patched.load_kg, Unset)
stale = bookings_edit.sync(booking.id, client=depot, body=BookingPatch(notes="late"), if_match=etag)
assert isinstance(stale, Problem) and stale.status == 412
cancelled = taken(bookings_cancel.sync(booking.id, client=depot, body=ReasonRequest(reason="closed today")))

wrong = quotes_create.sync(client=depot, body=QuoteRequest(pickup=SiteRequest(lat=95, lon=1.5), dropoff=dropoff))
assert isinstance(wrong, Problem) and not isinstance(wrong.errors, Unset)
missing = bookings_read.sync("none", client=depot)
assert isinstance(missing, Problem)
refused = vehicles_list.sync(client=AuthenticatedClient(base_url=url, token="dpt_x_y"))
assert isinstance(refused, Problem) and refused.status == 401

vehicles = taken(vehicles_list.sync(client=depot, status=VehicleStatus.OFFLINE))
drivers = taken(drivers_list.sync(client=depot, limit=10))
rounds = taken(bookings_dispatch.sync(booking.id, client=depot))
sentences: list[str] = [each.sentence for each in rounds.items]
webhook = taken(webhooks_create.sync(client=depot, body=NewWebhookRequest(url=hook, events=["booking.*"])))
figures = taken(analytics_summary.sync(client=depot, compare=True)).figures
csv = taken(bookings_export.sync(client=depot)).payload.read().decode()
report = taken(bookings_import.sync(client=depot, body=File(BytesIO(csv.encode())), dry_run=True))

print(
    json.dumps(
        {
            "booking": cancelled.id,
            "status": cancelled.status.value,
            "listed": len(listed),
            "faults": [fault.field for fault in wrong.errors],
            "missing": missing.status,
            "vehicles": [vehicle.id for vehicle in vehicles.items],
            "drivers": [driver.name for driver in drivers.items],
            "rounds": len(sentences),
            "secret": webhook.secret.startswith("whsec_"),
            "delivered": figures.delivered,
            "revenue": [money.amount_minor for money in figures.revenue],
            "csv": len(csv.strip().split("\n")),
        }
    )
)


def refused_by_the_checker() -> None:
    """What is not so is told before anything is sent."""
    is_over("lost")  # type: ignore[arg-type]
    QuoteRequest(pickup=pickup)  # type: ignore[call-arg]
    QuoteRequest(pickup=pickup, dropoff=dropoff, priority="soon")  # type: ignore[arg-type]
    bookings_edit.sync(booking.id, client=depot, body=patch)  # type: ignore[call-arg]
    quote.price + 1  # type: ignore[operator]
