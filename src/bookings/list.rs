//! Reading bookings.

use super::error::Fault;
use super::{Bookings, Error, Filter, Result, find};
use crate::model::{Booking, BookingId, Event, Status, Timestamp, VehicleId};
use crate::store::{self, journal};

/// Bookings read at once for the live view.
const OPEN_AT_MOST: usize = 2_000;

/// Which page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Items at most.
    pub limit: u32,
}

impl Page {
    pub(super) fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX).clamp(1, 500)
    }
    pub(super) fn after(&self, first: i64) -> Result<i64> {
        let Some(cursor) = &self.cursor else { return Ok(first) };
        cursor.parse().map_err(|_| Error::Invalid(vec![Fault::new("cursor", "is not one that a list gave")]))
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// What was found.
    pub items: Vec<T>,
    /// The cursor of the following page.
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// A page of at most `limit` out of `rows`, which were read with one more than that.
    pub(super) fn cut<K: ToString>(mut rows: Vec<(K, T)>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| place.to_string());
        Self { items: rows.into_iter().map(|(_, item)| item).collect(), next }
    }
}

impl Bookings {
    /// The booking of an id.
    pub async fn get(&self, id: BookingId) -> Result<Booking> {
        self.db.read(move |c| find(c, id)).await
    }

    /// The bookings of these ids; ids that are none are left out.
    pub async fn get_many(&self, ids: Vec<BookingId>) -> Result<Vec<Booking>> {
        let question = move |c: &rusqlite::Connection| {
            let found = ids.into_iter().map(|id| store::bookings::get(c, id)).collect::<store::Result<Vec<_>>>()?;
            Ok(found.into_iter().flatten().collect())
        };
        self.db.read(question).await
    }

    /// Bookings that fit `filter`, newest first.
    pub async fn list(&self, filter: Filter, page: Page) -> Result<Paged<Booking>> {
        let (before, limit) = (page.after(i64::MAX)?, page.limit());
        let rows = self.db.read(move |c| store::bookings::list(c, &filter, before, limit + 1)).await?;
        Ok(Paged::cut(rows, limit))
    }

    /// Up to 2,000 bookings that can still change, the earliest pickup first.
    pub async fn open(&self) -> Result<Vec<Booking>> {
        Ok(self.db.read(|c| store::bookings::open(c, OPEN_AT_MOST)).await?)
    }

    /// Up to `limit` bookings that wait for a vehicle, the earliest pickup first.
    pub async fn waiting(&self, limit: usize) -> Result<Vec<Booking>> {
        Ok(self.db.read(move |c| store::bookings::in_status(c, Status::Waiting, limit)).await?)
    }

    /// Up to `limit` bookings that a vehicle is busy with.
    pub async fn under_way(&self, limit: usize) -> Result<Vec<Booking>> {
        Ok(self.db.read(move |c| store::bookings::under_way(c, limit)).await?)
    }

    /// How many jobs each vehicle was given at `since` or later.
    pub async fn given_since(&self, since: Timestamp) -> Result<Vec<(VehicleId, u32)>> {
        Ok(self.db.read(move |c| store::bookings::given_since(c, since)).await?)
    }

    /// How many bookings wanted a vehicle between `since` and `now`, and how many seconds their ways take on average.
    pub async fn wanted_since(&self, since: Timestamp, now: Timestamp) -> Result<(u32, f64)> {
        Ok(self.db.read(move |c| store::bookings::wanted_since(c, since, now)).await?)
    }

    /// The job that `vehicle` has now.
    pub async fn active_of(&self, vehicle: &VehicleId) -> Result<Option<Booking>> {
        let vehicle = vehicle.clone();
        Ok(self.db.read(move |c| store::bookings::active_of(c, &vehicle)).await?)
    }

    /// What happened to the booking, oldest first.
    pub async fn events(&self, id: BookingId, page: Page) -> Result<Paged<Event>> {
        let (after, limit) = (page.after(0)?, page.limit());
        let question = move |c: &rusqlite::Connection| {
            find(c, id)?;
            Ok::<_, Error>(journal::of_booking(c, id, after, limit + 1)?)
        };
        let rows = self.db.read(question).await?;
        Ok(Paged::cut(rows.into_iter().map(|e| (e.seq, e)).collect(), limit))
    }
}
