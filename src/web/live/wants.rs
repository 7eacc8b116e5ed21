//! What a live client asked to see, and what of it it may.

use super::frames::{Open, Row};
use crate::model::{BookingId, VehicleId};
use crate::web::fields::{Fields, Read};
use h3o::{CellIndex, LatLng, Resolution};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Ids or cells in a subscription at most.
pub const MOST: usize = 1_000;

/// Which bookings.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Follow {
    /// Every one.
    #[default]
    All,
    /// None.
    Nothing,
    /// These.
    These(HashSet<BookingId>),
}

/// Cells of the H3 grid, by resolution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells(Vec<(Resolution, HashSet<CellIndex>)>);

impl FromIterator<CellIndex> for Cells {
    fn from_iter<I: IntoIterator<Item = CellIndex>>(cells: I) -> Self {
        let mut by_resolution: BTreeMap<Resolution, HashSet<CellIndex>> = BTreeMap::new();
        for cell in cells {
            by_resolution.entry(cell.resolution()).or_default().insert(cell);
        }
        Self(by_resolution.into_iter().collect())
    }
}

impl Cells {
    fn contain(&self, lat: f64, lon: f64) -> bool {
        let Ok(here) = LatLng::new(lat, lon) else { return false };
        self.0.iter().any(|(resolution, cells)| cells.contains(&here.to_cell(*resolution)))
    }
}

/// What a client asked to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wants {
    /// Only these vehicles.
    pub vehicles: Option<HashSet<Arc<str>>>,
    /// Only vehicles within west, south, east, north, in degrees, or in one of `cells`.
    pub area: Option<[f64; 4]>,
    /// Only vehicles in one of these, or within `area`.
    pub cells: Option<Cells>,
    /// Which bookings.
    pub bookings: Follow,
    /// Only bookings of this customer, and the vehicles that carry them while they do.
    pub customer: Option<Box<str>>,
    /// This vehicle four times a second.
    pub select: Option<VehicleId>,
    /// Today's figures too.
    pub figures: bool,
    /// What is said to those at the console too.
    pub messages: bool,
}

impl Wants {
    /// Everything there is?
    pub fn all(&self) -> bool {
        self.vehicles.is_none() && self.area.is_none() && self.cells.is_none() && self.bookings == Follow::All && self.customer.is_none()
    }

    /// Is the vehicle of `row` one of those named?
    pub fn names(&self, row: &Row) -> bool {
        self.vehicles.as_ref().is_none_or(|ids| ids.contains(&*row.id))
    }

    /// Is `row` to be shown?
    pub fn wants(&self, row: &Row) -> bool {
        self.names(row) && self.covers(row)
    }

    fn covers(&self, row: &Row) -> bool {
        if self.area.is_none() && self.cells.is_none() {
            return true;
        }
        let Some((lat, lon)) = row.at else { return false };
        let (lat, lon) = (f64::from(lat) / 1e5, f64::from(lon) / 1e5);
        let inside = |[west, south, east, north]: [f64; 4]| {
            (south..=north).contains(&lat) && if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east }
        };
        self.area.is_some_and(inside) || self.cells.as_ref().is_some_and(|cells| cells.contain(lat, lon))
    }

    /// Is the booking to be shown?
    pub fn follows(&self, id: BookingId, booking: &Open) -> bool {
        let asked = match &self.bookings {
            Follow::All => true,
            Follow::Nothing => false,
            Follow::These(ids) => ids.contains(&id),
        };
        asked && self.customer.as_ref().is_none_or(|own| booking.customer.as_ref() == Some(own))
    }
}

fn list<T>(value: &Value, read: impl FnMut(&Value) -> Option<T>) -> Option<Vec<T>> {
    let items = value.as_array().filter(|items| items.len() <= MOST)?;
    items.iter().map(read).collect()
}

impl Read for Wants {
    fn read(f: &mut Fields) -> Option<Self> {
        let id = |v: &Value| VehicleId::new(v.as_str()?).ok().map(|id| Arc::from(id.as_str()));
        let vehicles = f.choice("vehicles", "\"all\" or a list of at most 1000 vehicle ids", |v| match v {
            Value::String(all) => (all == "all").then_some(None),
            ids => list(ids, id).map(|ids| Some(ids.into_iter().collect())),
        });
        let area = f.choice("bbox", "[west, south, east, north] in degrees", |v| {
            let numbers: Vec<f64> = v.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
            <[f64; 4]>::try_from(numbers).ok()
        });
        let cells = f.choice("cells", "a list of at most 1000 H3 cells, like \"8939601843bffff\"", |v| {
            list(v, |cell| cell.as_str()?.parse::<CellIndex>().ok()).map(Cells::from_iter)
        });
        let bookings = f.choice("bookings", "true, false or a list of at most 1000 booking ids", |v| match v {
            Value::Bool(true) => Some(Follow::All),
            Value::Bool(false) => Some(Follow::Nothing),
            ids => list(ids, |id| id.as_str()?.parse().ok()).map(|ids| Follow::These(ids.into_iter().collect())),
        });
        let (select, figures, messages) = (f.named("select"), f.flag("figures"), f.flag("messages"));
        Some(Self {
            vehicles: vehicles?.flatten(),
            area: area?,
            cells: cells?,
            bookings: bookings?.unwrap_or_default(),
            customer: None,
            select: select?,
            figures: figures? == Some(true),
            messages: messages? == Some(true),
        })
    }
}
