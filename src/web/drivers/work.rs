//! A driver's work, on the phone: what there is to do, answers to offers, and steps, which may have been made while there was no line.

use super::own;
use super::shapes::DriverShape;
use crate::auth::Who;
use crate::bookings::{self, MOST_BYTES, Report};
use crate::model::{Booking, BookingId, Duty, Step, Timestamp, VehicleId};
use crate::pricing::ProofRules;
use crate::web::Web;
use crate::web::error::{Error, FieldError, Problem, Result};
use crate::web::extract::{Body, Caller, Id};
use crate::web::fields::{Fields, Read};
use crate::web::shapes::words;
use crate::web::shapes::{BookingShape, File, List};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Steps in one request at most.
const STEPS: usize = 100;
/// Vehicles shown to a driver at most.
const FREE: usize = 500;
/// Duties looked at for the one in which a job was done.
const DUTIES: usize = 50;

/// What a driver has to do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DriverWork)]
pub struct WorkShape {
    /// Who asks.
    driver: DriverShape,
    /// What he is on duty with.
    vehicle_id: Option<String>,
    /// What he is asked.
    offers: Vec<AskedShape>,
    /// What he has to do.
    jobs: Vec<BookingShape>,
    /// What he has to bring home from the job; of no job everything is optional.
    proof: ProofRules,
}

/// A booking that a driver may take.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AskedBooking)]
pub struct AskedShape {
    /// The booking.
    booking: BookingShape,
    /// An answer after this comes too late.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A driver's answer to an offer.
#[derive(Debug, ToSchema)]
#[schema(as = OwnAnswerRequest)]
pub struct OwnAnswerInput {
    /// The booking.
    #[schema(value_type = String)]
    booking_id: BookingId,
    /// Yes or no.
    accept: bool,
    /// Why not.
    #[schema(max_length = 500)]
    reason: Option<String>,
}
impl Read for OwnAnswerInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (booking_id, accept) = (f.named("booking_id"), f.flag("accept"));
        let (booking_id, accept) = (f.required("booking_id", booking_id), f.required("accept", accept));
        let reason = f.text("reason", 500);
        Some(Self { booking_id: booking_id?, accept: accept?, reason: reason? })
    }
}

/// A step as a phone made it.
#[derive(Debug, ToSchema)]
#[schema(as = OwnStepRequest)]
pub struct OwnStepInput {
    /// A UUID of the phone's making: under it the step is taken once.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    /// The booking.
    #[schema(value_type = String)]
    booking_id: BookingId,
    /// `arrived`, `picked_up`, `delivered` or `failed`.
    #[schema(value_type = words::DriverStep)]
    step: Step,
    /// When, by the phone's clock; one that is fast does no harm.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// `signature`: an attachment; `photos`: attachments; `barcode`, `note`, `pin`, `reason`: words.
    #[schema(value_type = Option<Object>)]
    proof: Option<Value>,
}
impl Read for OwnStepInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (id, booking_id) = (f.named("id"), f.named("booking_id"));
        let (id, booking_id) = (f.required("id", id), f.required("booking_id", booking_id));
        let step = f.one_of("step", "arrived, picked_up, delivered, failed", |s| Step::parse(s).filter(|s| s.is_drivers()));
        let step = f.required("step", step);
        let (at, proof) = (f.instant("at"), f.json("proof", 8192));
        Some(Self { id: id?, booking_id: booking_id?, step: step?, at: at?, proof: proof? })
    }
}

/// Steps in the order in which they were made.
#[derive(Debug, ToSchema)]
#[schema(as = OwnStepsRequest)]
pub struct OwnStepsInput {
    /// A hundred at most.
    #[schema(max_items = 100)]
    steps: Vec<OwnStepInput>,
}
impl Read for OwnStepsInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let steps = f.objects("steps", STEPS);
        Some(Self { steps: f.required("steps", steps)? })
    }
}

/// What became of a step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenStep)]
pub struct TakenShape {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    /// Was it taken, now or before?
    ok: bool,
    /// The booking's status then.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The fields that were not right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// The steps of a request, one by one.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenSteps {
    /// In their order.
    items: Vec<TakenShape>,
}

/// The driver who asks, and the vehicle he is on duty with.
async fn on_duty(web: &Web, who: &Who) -> Result<VehicleId> {
    let id = own(web, who).await?.ok_or_else(no_driver)?;
    let duty = web.drivers.get(id).await?.duty;
    duty.map(|duty| duty.vehicle).ok_or_else(|| Error::status(StatusCode::CONFLICT).detail("go on duty with a vehicle first"))
}

fn no_driver() -> Error {
    Error::not_found("you are no driver; a driver's `user` says who he signs in as")
}

/// What the driver who asks has to do.
#[utoipa::path(get, path = "/api/v1/drivers/me/work", tag = "drivers",
    responses((status = 200, body = WorkShape), (status = 404, body = Problem)))]
pub async fn work(State(web): State<Web>, Caller(who): Caller) -> Result<Json<WorkShape>> {
    let id = own(&web, &who).await?.ok_or_else(no_driver)?;
    let shown = web.drivers.get(id).await?;
    let vehicle = shown.duty.as_ref().map(|duty| duty.vehicle.clone());
    let (mut offers, mut jobs, mut proof) = (Vec::new(), Vec::new(), ProofRules::default());
    if let Some(vehicle) = &vehicle {
        if let Some(offer) = web.bookings.open_offer_of(vehicle).await? {
            let booking = BookingShape::from(&web.bookings.get(offer.booking).await?);
            offers.push(AskedShape { booking, expires_at: offer.expires_at });
        }
        if let Some(job) = web.bookings.active_of(vehicle).await? {
            proof = web.bookings.proof_rules(job.id).await?;
            jobs.push(BookingShape::from(&job).with_eta(web.bookings.etas()));
        }
    }
    Ok(Json(WorkShape { driver: shown.into(), vehicle_id: vehicle.map(|v| v.to_string()), offers, jobs, proof }))
}

/// A vehicle that nobody is on duty with.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeVehicleShape {
    /// Its id.
    id: String,
    /// Its class.
    class: String,
}

/// The vehicles that the driver who asks could go on duty with: the first 500 by id.
#[utoipa::path(get, path = "/api/v1/drivers/me/vehicles", tag = "drivers",
    responses((status = 200, body = List<FreeVehicleShape>), (status = 404, body = Problem)))]
pub async fn free_vehicles(State(web): State<Web>, Caller(who): Caller) -> Result<Json<List<FreeVehicleShape>>> {
    own(&web, &who).await?.ok_or_else(no_driver)?;
    let free = web.registry.free_vehicles(FREE).await?;
    let items = free.into_iter().map(|v| FreeVehicleShape { id: v.id.to_string(), class: v.class }).collect();
    Ok(Json(List { items, next: None }))
}

/// Answer an offer.
#[utoipa::path(post, path = "/api/v1/drivers/me/answers", tag = "drivers", request_body = OwnAnswerInput,
    responses((status = 200, body = BookingShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn answer(State(web): State<Web>, Caller(who): Caller, Body(input): Body<OwnAnswerInput>) -> Result<Json<BookingShape>> {
    let vehicle = on_duty(&web, &who).await?;
    let booking = web.bookings.answer(input.booking_id, &vehicle, input.accept, input.reason, who.actor()).await?;
    Ok(Json((&booking).into()))
}

/// Report steps, also ones that were made a while ago.
///
/// They are taken in their order, each once: a step that is sent again is answered as before. One that is refused says why, and keeps none
/// behind it from being taken. Each has the phone's time, and the journal has beside it when it came in. A job may be ended after the duty.
#[utoipa::path(post, path = "/api/v1/drivers/me/steps", tag = "drivers", request_body = OwnStepsInput,
    responses((status = 200, body = TakenSteps), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub async fn steps(State(web): State<Web>, Caller(who): Caller, Body(input): Body<OwnStepsInput>) -> Result<Json<TakenSteps>> {
    let driver = own(&web, &who).await?.ok_or_else(no_driver)?;
    let duties = web.drivers.duties(driver, None, DUTIES).await?;
    let mut items = Vec::with_capacity(input.steps.len());
    for step in input.steps {
        let id = step.id;
        let taken = match take(&web, &who, &duties, step).await {
            // The phone sends again what was not answered; what was taken is known by its id.
            Err(bookings::Error::Store(error)) => return Err(error.into()),
            Err(bookings::Error::Invalid(faults)) => {
                let errors = faults.into_iter().map(|f| FieldError { field: f.field, message: f.message }).collect();
                TakenShape { id, ok: false, status: None, error: Some("not everything in it is right".into()), errors }
            }
            Err(error) => TakenShape { id, ok: false, status: None, error: Some(error.to_string()), errors: Vec::new() },
            Ok(status) => TakenShape { id, ok: true, status: Some(status), error: None, errors: Vec::new() },
        };
        items.push(taken);
    }
    Ok(Json(TakenSteps { items }))
}

async fn take(web: &Web, who: &Who, duties: &[Duty], step: OwnStepInput) -> std::result::Result<&'static str, bookings::Error> {
    let booking = web.bookings.get(step.booking_id).await?;
    let vehicle = booking.vehicle.clone().filter(|vehicle| duties.iter().any(|duty| duty.vehicle == *vehicle && was_his(duty, &booking)));
    let vehicle = vehicle.ok_or(bookings::Error::Unknown)?;
    let at = step.at.map(|at| at.min(web.clock.now()));
    let report = Report { step: step.step, at, proof: step.proof };
    Ok(web.bookings.step_once(step.booking_id, step.id.to_string(), report, who.actor(), vehicle).await?.status.as_str())
}

/// Was he on duty while the vehicle had the job?
fn was_his(duty: &Duty, booking: &Booking) -> bool {
    let before_its_end = !booking.status.is_final() || duty.time.from <= booking.updated_at;
    before_its_end && duty.time.until.is_none_or(|until| booking.assigned_at.is_some_and(|assigned| until >= assigned))
}

/// Send a photo or a signature, under a UUID of the phone's making, before the step that names it.
///
/// A JPEG, PNG or WebP image of at most 2 MiB. Sent again, it is kept once; one that no step names is deleted after a week.
#[utoipa::path(put, path = "/api/v1/drivers/me/attachments/{id}", tag = "drivers", params(("id" = String, Path, format = "uuid")),
    request_body(content = File, content_type = "image/*", description = "JPEG, PNG or WebP"),
    responses((status = 204), (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn attach(State(web): State<Web>, Caller(who): Caller, Id(id): Id<Uuid>, request: Request) -> Result<StatusCode> {
    own(&web, &who).await?.ok_or_else(no_driver)?;
    let too_large = |_| Error::status(StatusCode::PAYLOAD_TOO_LARGE).detail("an attachment has 2 MiB at most");
    let bytes = axum::body::to_bytes(request.into_body(), MOST_BYTES).await.map_err(too_large)?;
    web.bookings.attach(id.to_string(), bytes.to_vec(), who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
