//! What customers see of vehicles: those that carry their bookings, while they do.

use super::frames::{Changes, Open, Row};
use super::wants::Wants;
use crate::model::BookingId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The vehicles that carry bookings of customers, by customer.
pub fn carrying<'a>(rows: &'a BTreeMap<u32, Row>, open: &'a BTreeMap<BookingId, Open>) -> HashMap<&'a str, Vec<&'a Row>> {
    let mut carrying: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows.values() {
        let booking = row.booking.and_then(|id| open.get(&id));
        if let Some(customer) = booking.and_then(|booking| booking.customer.as_deref()) {
            carrying.entry(customer).or_default().push(row);
        }
    }
    carrying
}

impl<'a> Changes<'a> {
    /// What a customer sees of vehicles: those that carry its bookings while they do, and nothing of them before or after.
    pub fn show(&mut self, shown: &mut BTreeSet<u32>, carrying: Option<&Vec<&'a Row>>, dirty: &BTreeMap<u32, Option<Row>>, wants: &Wants) {
        let mut now = BTreeSet::new();
        for row in carrying.into_iter().flatten().filter(|row| wants.wants(row)) {
            let is_new = !shown.contains(&row.idx);
            if is_new {
                self.new.push(row);
            }
            if is_new || dirty.contains_key(&row.idx) {
                self.changed.push(row);
            }
            now.insert(row.idx);
        }
        self.gone.extend(shown.difference(&now));
        *shown = now;
    }
}
