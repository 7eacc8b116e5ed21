//! What a price becomes once it is known how long the vehicle waited.

use super::currency::in_words;
use super::engine::Price;
use super::line::{Line, LineKind};
use crate::model::Money;

/// The lines of a bill after what only the trip could tell. `before` and `after` are the price of the trip as it can be made today,
/// without that and with it. Where today's price is still the bill's, the lines are those of `after`; where something that the bill
/// rests on was changed since, what was agreed stands, and what the waiting adds to each kind of line follows it. Nothing where it adds
/// nothing.
pub fn afterwards(agreed: &[Line], before: &Price, after: &Price) -> Option<Vec<Line>> {
    if before.lines == after.lines {
        return None;
    }
    if agreed == before.lines {
        return Some(after.lines.clone());
    }
    if after.total.amount_minor <= before.total.amount_minor {
        return None;
    }
    let mut lines = agreed.to_vec();
    for kind in LineKind::ALL {
        let Some(line) = added(kind, before, after) else { continue };
        let place = lines.iter().rposition(|l| l.kind <= kind).map_or(0, |last| last + 1);
        lines.insert(place, line);
    }
    Some(lines)
}

/// What waiting adds to the lines of a kind.
fn added(kind: LineKind, before: &Price, after: &Price) -> Option<Line> {
    let of = |price: &Price| price.lines.iter().filter(|line| line.kind == kind).map(|line| line.amount_minor).sum::<i64>();
    let amount_minor = of(after) - of(before);
    let told = after.lines.iter().chain(&before.lines).find(|line| line.kind == kind)?;
    let label = match kind {
        LineKind::Waiting => told.label.clone(),
        LineKind::Tax if amount_minor == 0 => {
            let amount_minor = after.tax_minor - before.tax_minor;
            let tax = (amount_minor != 0).then_some(Money { amount_minor, currency: after.total.currency })?;
            let name = told.label.split(" included").next().unwrap_or(&told.label);
            format!("{name} included in the waiting: {}", in_words(tax))
        }
        _ => format!("{}, for the waiting", told.label),
    };
    (amount_minor != 0 || kind == LineKind::Tax).then_some(Line { kind, label, amount_minor })
}
