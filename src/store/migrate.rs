//! Brings a file's schema up to date: append-only steps, all in one transaction.

use super::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Every step so far. Never change one that was released; append.
const STEPS: &[&str] = &[
    include_str!("migrations/001.sql"),
    include_str!("migrations/002.sql"),
    include_str!("migrations/003.sql"),
    include_str!("migrations/004.sql"),
    include_str!("migrations/005.sql"),
    include_str!("migrations/006.sql"),
    include_str!("migrations/007.sql"),
    include_str!("migrations/008.sql"),
    include_str!("migrations/009.sql"),
    include_str!("migrations/010.sql"),
    include_str!("migrations/011.sql"),
    include_str!("migrations/012.sql"),
    include_str!("migrations/013.sql"),
    include_str!("migrations/014.sql"),
    include_str!("migrations/015.sql"),
    include_str!("migrations/016.sql"),
    include_str!("migrations/017.sql"),
    include_str!("migrations/018.sql"),
    include_str!("migrations/019.sql"),
    include_str!("migrations/020.sql"),
    include_str!("migrations/021.sql"),
    include_str!("migrations/022.sql"),
    include_str!("migrations/025.sql"),
    include_str!("migrations/028.sql"),
    include_str!("migrations/029.sql"),
];

pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::Newer { path: path.display().to_string(), found, known });
    }
    for (step, number) in STEPS.iter().zip(1_i64..).filter(|(_, number)| *number > found) {
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", number)?;
    }
    if found == 0 {
        mint_epoch(&tx)?;
    }
    tx.commit()?;
    Ok(())
}

/// Gives the database a new random epoch, so that a sequence number used again is never taken for a repeat.
pub(super) fn mint_epoch(connection: &Connection) -> Result<()> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch).map_err(|e| Error::Corrupt(format!("no randomness for the epoch: {e}")))?;
    let epoch: String = epoch.iter().map(|b| format!("{b:02x}")).collect();
    connection.execute("insert or replace into meta (key, value) values ('epoch', ?1)", [&epoch])?;
    connection.execute(
        "insert into epochs (epoch, from_seq) values (?1, 1 + coalesce((select seq from sqlite_sequence where name = 'outbox'), 0))",
        [&epoch],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BookingId, Priority, Timestamp};

    #[test]
    fn a_booking_of_the_first_schema_is_read_by_this_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(STEPS[0]).unwrap();
        let id = BookingId::generate(Timestamp::from_secs(1), [7; 10]);
        let sql =
            "insert into bookings (id, status, pickup_lat, pickup_lon, dropoff_lat, dropoff_lon, pickup_at, skills, price_minor, currency,
                   distance_m, duration_s, created_at, updated_at, version)
                   values (?1, 'waiting', 42.5, 1.5, 42.6, 1.5, 1000, '[]', 900, 'EUR', 1, 2, 1000, 1000, 1)";
        connection.execute(sql, [id.to_string()]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        run(&mut connection, Path::new("ops.db")).unwrap();
        let booking = crate::store::bookings::get(&connection, id).unwrap().unwrap();
        assert_eq!((booking.order.priority, booking.order.stops.len(), booking.order.pickup.contact), (Priority::Normal, 0, None));
    }
}
