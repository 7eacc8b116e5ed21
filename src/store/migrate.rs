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
    include_str!("migrations/023.sql"),
    include_str!("migrations/024.sql"),
    include_str!("migrations/025.sql"),
    include_str!("migrations/026.sql"),
    include_str!("migrations/027.sql"),
    include_str!("migrations/028.sql"),
    include_str!("migrations/029.sql"),
    include_str!("migrations/030.sql"),
    include_str!("migrations/031.sql"),
    include_str!("migrations/032.sql"),
    include_str!("migrations/033.sql"),
    include_str!("migrations/034.sql"),
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

    #[test]
    fn what_demand_did_to_prices_is_put_into_the_sums_of_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        STEPS[..22].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", 22).unwrap();
        for (id, factor, surge, delivered) in [("a", 1_500, 300, 1), ("b", 1_200, 200, 0), ("c", 900, -50, 1), ("d", 1_000, 0, 1)] {
            let fact = format!(
                r#"{{"keys":[["class","van"],["customer","{id}"]],"currency":"EUR","parts":[{{"hour":7,"bookings":1{}}}],"wait":60}}"#,
                if delivered == 1 { r#","delivered":1"# } else { "" }
            );
            let bill = format!(
                r#"{{"lines":[{{"kind":"base","amount_minor":900}}{}]}}"#,
                if surge == 0 { String::new() } else { format!(r#",{{"kind":"surge","amount_minor":{surge}}}"#) }
            );
            connection.execute("insert into facts values ('booking', ?1, ?2)", (id, fact)).unwrap();
            connection.execute("insert into bills values (?1, 1, ?2, null, ?3)", (id, factor, bill)).unwrap();
            for (dimension, key) in [("all", ""), ("class", "van"), ("customer", id)] {
                let sql = "insert into rollups values (?1, ?2, 7, 'EUR', 1, ?3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
                    on conflict do update set bookings = bookings + 1, delivered = delivered + ?3";
                connection.execute(sql, (dimension, key, delivered)).unwrap();
            }
        }
        // A duty, and a booking of before bills were kept.
        let duty = r#"{"keys":[["class","van"]],"currency":"","parts":[{"hour":7,"duty_s":60}]}"#;
        connection
            .execute("insert into facts values ('duty', '1', ?1), ('booking', 'e', replace(?1, 'duty_s', 'bookings'))", [duty])
            .unwrap();
        run(&mut connection, Path::new("ops.db")).unwrap();
        let sums = |name: &str| {
            let sql = "select surged, surge_above, surge_minor from rollups where dimension || key = ?1";
            connection.query_row(sql, [name], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?])).unwrap()
        };
        let (all, a, b, d): ([i64; 3], _, _, _) = (sums("all"), sums("customera"), sums("customerb"), sums("customerd"));
        assert_eq!((all, a, b, d), ([2, 600, 250], [1, 500, 300], [1, 200, 0], [0, 0, 0]));
        assert_eq!((sums("classvan"), sums("customerc")), (all, [0, -100, -50]));
        let fact = |id: &str| crate::store::rollups::fact(&connection, crate::store::rollups::Source::Booking, id).unwrap().unwrap();
        assert!(fact("a").contains(r#""bookings":1,"delivered":1,"surged":1,"surge_above":500,"surge_minor":300"#), "{}", fact("a"));
        assert!(!fact("d").contains("surge") && !fact("e").contains("surge") && !fact("b").contains("surge_minor"));
    }

    #[test]
    fn what_is_to_be_said_outlives_a_new_channel() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("pragma foreign_keys = on").unwrap();
        STEPS[..31].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", 31).unwrap();
        let id = uuid::Uuid::now_v7().to_string();
        connection.execute("insert into messages values (1, 'subject', 'body', 1)", []).unwrap();
        let sql = "insert into deliveries values (?1, ?2, 'mail', 'mail', 'ana@example.com', null, 7, 1, 'waiting', 2, 3, 'busy', '[]', 1, 2, null, 'k3j9')";
        connection.execute(sql, (5, &id)).unwrap();
        connection.execute(sql, (9, "x")).unwrap();
        connection.execute("delete from deliveries where number = 9", []).unwrap();
        run(&mut connection, Path::new("ops.db")).unwrap();
        let kept = crate::store::deliveries::due(&connection, "mail", Timestamp::from_secs(9), 10).unwrap();
        assert_eq!((kept.len(), kept[0].id.to_string(), kept[0].attempts, kept[0].rule.as_deref()), (1, id, 2, Some("k3j9")));
        let next =
            "insert into deliveries (id, channel, endpoint, recipient, message_id, state, attempts, next_at, log, created_at, queued_at)
                    values ('y', 'push', 'push:x', 'ana:b', 1, 'waiting', 0, 1, '[]', 1, 1) returning number";
        assert_eq!(connection.query_row(next, [], |r| r.get::<_, i64>(0)).unwrap(), 10, "a number is given out once");
    }
}
