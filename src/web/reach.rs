//! Whose bookings whoever asks may deal with.

use super::Web;
use super::error::{Error, Result};
use super::extract::Caller;
use crate::auth::Who;
use crate::bookings;
use crate::model::{Booking, Order, Priority};
use crate::ops::allowance::Rate;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Quotes, bookings and links of a customer.
pub const RATE: Rate = Rate { per_second: 1.0, burst: 60.0 };

/// Everybody's bookings, or those of one customer. A route that [`super::access::Gate::OwnOr`] opens asks it about every booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The depot's own people and programs.
    All,
    /// A customer's: the name that its bookings have.
    Of(String),
}

impl<S: Sync> FromRequestParts<S> for Reach {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Caller(who) = Caller::from_request_parts(parts, state).await?;
        Ok(Self::of(&who))
    }
}

impl Reach {
    /// That of `who`.
    pub fn of(who: &Who) -> Self {
        who.customer.clone().map_or(Self::All, Self::Of)
    }

    /// The customer, when it is that of one.
    pub fn customer(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Of(name) => Some(name),
        }
    }

    /// `booking`, unless it is out of reach: then there is none.
    pub fn admit(&self, booking: Booking) -> Result<Booking> {
        match self {
            Self::Of(name) if booking.order.customer.as_ref() != Some(name) => Err(bookings::Error::Unknown.into()),
            _ => Ok(booking),
        }
    }

    /// Lets a customer change something, unless it does so too often.
    pub fn pace(&self, web: &Web) -> Result<()> {
        let Self::Of(name) = self else { return Ok(()) };
        let taken = web.customers_pace.take(name.clone(), web.clock.monotonic());
        taken.map_err(|wait| Error::too_often(wait, "a customer may ask for one price, booking or link each second in the long run"))
    }

    /// `order` as it may be asked for: a customer's is its own, goes before nobody else's, and there are not too many of them.
    pub fn claim(&self, web: &Web, order: &mut Order) -> Result<()> {
        self.pace(web)?;
        let Self::Of(name) = self else { return Ok(()) };
        if order.customer.as_ref().is_some_and(|other| other != name) {
            return Err(Error::field("customer", format!("must be {name:?}, or absent")));
        }
        if order.priority != Priority::Normal {
            return Err(Error::field("priority", "is for the depot to say"));
        }
        order.customer = Some(name.clone());
        Ok(())
    }
}
