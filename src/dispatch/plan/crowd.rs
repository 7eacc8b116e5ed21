//! First prices, from bookings that stand in a crowd.
//!
//! Where many bookings want the same vehicles, a price war between single ones is long. A crowd bids as one: it takes as
//! many vehicles as it has bookings and makes each as dear as the next one it would take (D. P. Bertsekas and D. A.
//! Castañon, "The auction algorithm for the transportation problem", Annals of Operations Research 20 (1989) 67–96). Then
//! the crowd is halved, and the halves bid on. Prices are only a start for the solver: they need not be right.

use super::field::{Field, Row};
use super::nearest::Spot;
use super::solver::Pairs;

/// Bookings of the largest crowd that bids.
const LARGEST: usize = 256;
/// Bookings of the smallest crowd that bids.
const SMALLEST: usize = 3;
/// Bids that a crowd may make on average.
const BIDS: usize = 20;
/// A bid is this part of the crowd's extent above what it takes.
const STEP: i64 = 10;
/// Before halves bid, prices fall by this part of the extent of the crowds before.
const SLACK: i64 = 2;
/// A crowd bids when the last vehicle it needs is so many times its extent away. Squared.
const DENSE2: f64 = 4.0;

/// The price of each of the `columns` vehicles in microseconds, already set in the field.
pub fn prices(field: &mut Field<'_>, columns: usize) -> Vec<i64> {
    let mut order: Vec<usize> = (0..field.rows().len()).collect();
    order.sort_by_key(|&row| field.rows()[row].demand);
    let mut groups: Vec<Vec<usize>> =
        order.chunk_by(|&a, &b| field.rows()[a].demand == field.rows()[b].demand).map(<[_]>::to_vec).collect();
    let mut prices = vec![0; columns];
    let mut extent = 0;
    loop {
        groups.retain(|rows| rows.len() >= SMALLEST);
        if groups.is_empty() {
            return prices;
        }
        for (column, price) in prices.iter_mut().enumerate().filter(|(_, price)| **price > 0) {
            *price = (*price - extent / SLACK).max(0);
            field.set_price(column, *price);
        }
        let crowds: Vec<_> = groups.iter().filter(|rows| rows.len() <= LARGEST).filter_map(|rows| Crowd::of(field, rows)).collect();
        extent = crowds.iter().map(|c| c.extent).sum::<i64>() / i64::try_from(crowds.len()).unwrap_or(1).max(1);
        auction(field, crowds, &mut prices);
        groups = groups.into_iter().flat_map(|rows| halve(field, rows)).collect();
    }
}

/// Bookings of one demand that bid together.
struct Crowd {
    /// Its middle.
    at: Row,
    size: usize,
    /// Travel time from the middle to a booking, root mean square.
    extent: i64,
    /// Vehicles that it has, with their costs.
    holds: Vec<(usize, i64)>,
}

impl Crowd {
    /// `None`: they stand so far apart that hardly two of them want the same vehicle.
    fn of(field: &Field<'_>, rows: &[usize]) -> Option<Self> {
        let spots = || rows.iter().map(|&row| field.rows()[row].spot);
        let middle = Spot::middle(spots());
        let at = Row::crowd(field.rows()[rows[0]], middle);
        let count = f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        let spread2 = spots().map(|s| middle.chord2(s)).sum::<f64>() / count;
        let far = field.find(at, rows.len(), 0, |_| true).iter().map(|f| f.chord2).fold(0.0, f64::max);
        (far > DENSE2 * spread2).then(|| Self { at, size: rows.len(), extent: field.micros(spread2), holds: Vec::new() })
    }
}

fn auction(field: &mut Field<'_>, mut crowds: Vec<Crowd>, prices: &mut [i64]) {
    let mut owner = vec![usize::MAX; prices.len()];
    let mut queue: Vec<usize> = (0..crowds.len()).rev().collect();
    for _ in 0..crowds.len() * BIDS {
        let Some(bidder) = queue.pop() else { return };
        let Crowd { at, size, extent, ref holds } = crowds[bidder];
        let need = size - holds.len();
        let found = field.find(at, need + 1, 0, |column| owner[column] != bidder);
        let Some(next) = found.get(need).filter(|_| need > 0) else { continue };
        let bid = field.least_cost(at, next) + prices[next.index] + extent / STEP;
        for won in &found[..need] {
            let loser = std::mem::replace(&mut owner[won.index], bidder);
            if let Some(crowd) = crowds.get_mut(loser) {
                crowd.holds.retain(|(column, _)| *column != won.index);
                if !queue.contains(&loser) {
                    queue.push(loser);
                }
            }
            crowds[bidder].holds.push((won.index, field.least_cost(at, won)));
        }
        for &(column, cost) in &crowds[bidder].holds {
            prices[column] = prices[column].max(bid - cost);
            field.set_price(column, prices[column]);
        }
    }
}

/// Two halves along the widest axis.
fn halve(field: &Field<'_>, mut rows: Vec<usize>) -> [Vec<usize>; 2] {
    let spot = |row: usize| field.rows()[row].spot;
    let axis = Spot::widest(rows.iter().map(|&row| spot(row)));
    rows.sort_by(|&a, &b| spot(a).along(axis).total_cmp(&spot(b).along(axis)));
    let right = rows.split_off(rows.len() / 2);
    [rows, right]
}
