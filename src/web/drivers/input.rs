//! What clients send about drivers.

use crate::drivers::{DriverChange, Filter};
use crate::model::{DriverId, Span, VehicleId};
use crate::web::fields::{Fields, Read};
use crate::web::vehicles::{forced, on_duty};
use utoipa::{IntoParams, ToSchema};

/// Which drivers.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DriverParams {
    /// Part of a name, phone, mail address or user; or an id.
    q: Option<String>,
    /// `true`: only those who may go on duty; `false`: only the others.
    active: Option<bool>,
    /// `true`: only those on duty; `false`: only the others.
    on_duty: Option<bool>,
    /// Where the page before ended.
    #[param(value_type = Option<String>)]
    pub cursor: Option<DriverId>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: u32,
}
impl Read for DriverParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let q = f.text("q", 100);
        let active = f.flag("active");
        let on_duty = f.flag("on_duty");
        let cursor = f.named("cursor");
        let limit = f.whole("limit", 1, 500);
        Some(Self { q: q?, active: active?, on_duty: on_duty?, cursor: cursor?, limit: limit?.unwrap_or(50) })
    }
}
impl DriverParams {
    /// Which ones these are.
    pub fn filter(&self) -> Filter {
        Filter { q: self.q.clone(), active: self.active, on_duty: self.on_duty }
    }
}

/// A driver to be added.
#[derive(Debug, ToSchema)]
#[schema(as = DriverRequest)]
pub struct DriverInput {
    /// What people call him.
    pub name: String,
    /// As it is dialled.
    pub phone: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// What he can do and may drive, like `adr` or `licence_c`: adds to the skills of the vehicle that he is on duty with.
    pub skills: Option<Vec<String>>,
    /// The user he signs in as.
    pub user: Option<String>,
    /// Longest time on duty in a day of the depot's zone, breaks not counted; as the settings say when absent.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    pub max_day_s: Option<Span>,
    /// The same in any seven days.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 604_800)]
    pub max_week_s: Option<Span>,
    /// May he go on duty? `true` when absent.
    pub active: Option<bool>,
}
impl Read for DriverInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let given = DriverChangeInput::read(f);
        let name = match &given {
            Some(given) => f.required("name", Some(given.name.clone())),
            None => None,
        };
        let (name, given) = (name?, given?);
        Some(Self {
            name,
            phone: given.phone.flatten(),
            email: given.email.flatten(),
            skills: given.skills,
            user: given.user.flatten(),
            max_day_s: given.max_day_s.flatten(),
            max_week_s: given.max_week_s.flatten(),
            active: given.active,
        })
    }
}
impl From<DriverInput> for DriverChange {
    fn from(d: DriverInput) -> Self {
        Self {
            name: None,
            phone: Some(d.phone),
            email: Some(d.email),
            skills: d.skills,
            user: Some(d.user),
            max_day: Some(d.max_day_s),
            max_week: Some(d.max_week_s),
            active: d.active,
        }
    }
}

/// What is to be different; what is absent stays, what is `null` is forgotten.
#[derive(Debug, ToSchema)]
#[schema(as = DriverChange)]
pub struct DriverChangeInput {
    /// What people call him.
    name: Option<String>,
    /// As it is dialled.
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    /// Mail address.
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// What he can do and may drive.
    skills: Option<Vec<String>>,
    /// The user he signs in as.
    #[schema(value_type = Option<String>)]
    user: Option<Option<String>>,
    /// Longest time on duty in a day of the depot's zone, breaks not counted; `null`: as the settings say.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    max_day_s: Option<Option<Span>>,
    /// The same in any seven days.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 604_800)]
    max_week_s: Option<Option<Span>>,
    /// May he go on duty?
    active: Option<bool>,
}
impl Read for DriverChangeInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 100);
        let phone = f.change("phone", |f, field| f.text(field, 40));
        let email = f.change("email", email);
        let skills = f.texts("skills", 32);
        let user = f.change("user", |f, field| f.text(field, 64));
        let max_day_s = f.change("max_day_s", |f, field| seconds(f, field, 86_400));
        let max_week_s = f.change("max_week_s", |f, field| seconds(f, field, 604_800));
        let active = f.flag("active");
        let (max_day_s, max_week_s) = (max_day_s?, max_week_s?);
        Some(Self { name: name?, phone: phone?, email: email?, skills: skills?, user: user?, max_day_s, max_week_s, active: active? })
    }
}
impl From<DriverChangeInput> for DriverChange {
    fn from(d: DriverChangeInput) -> Self {
        let DriverChangeInput { name, phone, email, skills, user, max_day_s, max_week_s, active } = d;
        Self { name, phone, email, skills, user, max_day: max_day_s, max_week: max_week_s, active }
    }
}

fn seconds(f: &mut Fields, field: &str, most: u32) -> Option<Option<Span>> {
    Some(f.whole(field, 1, most)?.map(|s| Span::from_secs(s.into())))
}

fn email(f: &mut Fields, field: &str) -> Option<Option<String>> {
    let text = f.text(field, 254)?;
    let is_mail =
        |text: &String| text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty()) && !text.contains(' ');
    if text.as_ref().is_some_and(|text| !is_mail(text)) {
        f.fault(field, "must be a mail address, like ana@example.org");
        return None;
    }
    Some(text)
}

/// On or off duty.
#[derive(Debug, ToSchema)]
#[schema(as = DriverDutyRequest)]
pub struct DutyInput {
    /// `true`: on duty; `false`: off duty, and the vehicle too. `on` is read as well.
    pub on_duty: bool,
    /// With what; that of his present shift when absent. Not looked at off duty.
    #[schema(value_type = Option<String>)]
    pub vehicle_id: Option<VehicleId>,
    /// `true`: off duty although the vehicle has a job.
    pub force: Option<bool>,
    /// Why that is forced.
    pub reason: Option<String>,
}
impl Read for DutyInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let on_duty = on_duty(f);
        let vehicle_id = f.named("vehicle_id");
        let forced = forced(f);
        let (force, reason) = forced?;
        Some(Self { on_duty: on_duty?, vehicle_id: vehicle_id?, force, reason })
    }
}

/// On a break or back.
#[derive(Debug, ToSchema)]
#[schema(as = BreakRequest)]
pub struct BreakInput {
    /// `true`: on a break, and given no work; `false`: back.
    pub on: bool,
}
impl Read for BreakInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let on = f.flag("on");
        Some(Self { on: f.required("on", on)? })
    }
}
