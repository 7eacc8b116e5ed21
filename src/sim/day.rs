//! What customers want over a day: a demand curve, trips between towns.

use super::rng::Rng;
use super::streets::{Node, Streets};
use crate::model::{Place, Site};

/// The day starts at this hour.
pub const FIRST_HOUR: f64 = 9.0;

/// Share of the busiest hour's demand, by hour of the day.
const CURVE: [f64; 24] = [
    0.10, 0.06, 0.05, 0.05, 0.08, 0.20, 0.45, 0.75, 0.95, 1.00, 0.95, 0.90, 0.85, 0.80, 0.85, 0.90, 0.95, 1.00, 0.90, 0.70, 0.50, 0.35,
    0.25, 0.15,
];
/// Bookings a vehicle's hour brings at the busiest.
const PEAK_PER_VEHICLE_HOUR: f64 = 1.8;
/// The first orders come at once, so that something is seen: seconds from the start.
const OPENING: [f64; 5] = [0.0, 8.0, 20.0, 35.0, 55.0];

const CUSTOMERS: [&str; 14] = [
    "Forn de Pa Sant Jordi",
    "Farmàcia Central",
    "Ferreteria Pons",
    "Hotel Valira",
    "Cal Marí",
    "Llibreria La Puça",
    "Taller Riba",
    "Clínica Meritxell",
    "Supermercat Rovira",
    "Escola Sant Ermengol",
    "Esports Cortals",
    "Òptica Prat",
    "Floristeria Neu",
    "Impremta Solà",
];
const NOTES: [&str; 6] = ["ring twice", "fragile", "use the goods entrance", "call before arrival", "keep upright", "cash on delivery"];

/// One order, before it is placed.
#[derive(Clone, PartialEq, Debug)]
pub struct Wish {
    /// When it is placed, in simulated seconds from the day's start.
    pub at_s: f64,
    /// How much later than that the pickup is to be, in simulated seconds; `None` means now.
    pub lead_s: Option<f64>,
    /// Where from.
    pub pickup: Site,
    /// Where to.
    pub dropoff: Site,
    /// Only such a vehicle will do.
    pub class: Option<&'static str>,
    /// Weight in kg.
    pub load_kg: u32,
    /// Who asks.
    pub customer: &'static str,
    /// What else is to be known.
    pub notes: Option<&'static str>,
}

/// An endless, repeatable stream of orders.
pub struct Day<'a> {
    streets: &'a Streets,
    ends: Ends,
    rng: Rng,
    vehicles: f64,
    count: usize,
    at_s: f64,
}

/// Where trips start and end: each town's nodes, and how much of the trade each town has.
struct Ends {
    towns: Vec<(usize, Vec<Node>)>,
    weight: f64,
}

/// A town reaches this far.
const TOWN_M: f64 = 700.0;

impl Ends {
    fn new(streets: &Streets) -> Self {
        let near = |middle: Place| {
            let inside = |n: &Node| streets.place(*n).distance(middle).0 < TOWN_M && !streets.is_service_only(*n);
            streets.nodes().filter(inside).collect::<Vec<_>>()
        };
        let towns = streets.towns().iter().map(|town| near(town.place)).enumerate();
        let towns: Vec<_> = towns.filter(|(_, nodes)| !nodes.is_empty()).collect();
        let weight = towns.iter().map(|(n, _)| f64::from(streets.towns()[*n].weight)).sum();
        Self { towns, weight }
    }

    fn pick(&self, streets: &Streets, rng: &mut Rng) -> Option<(Node, String)> {
        let mut left = rng.unit() * self.weight;
        let chosen = self.towns.iter().find(|(town, _)| {
            left -= f64::from(streets.towns()[*town].weight);
            left < 0.0
        });
        let (town, nodes) = chosen.or(self.towns.last())?;
        let node = nodes[rng.index(nodes.len())];
        let town = &streets.towns()[*town].name;
        let street = streets.street(node).map(|street| format!("{street}, {town}"));
        Some((node, street.unwrap_or_else(|| town.clone())))
    }
}

/// A place to be at, like a vehicle's own stand; `lane` tells vehicles apart.
pub fn stands(streets: &Streets, seed: u64, lane: u64) -> impl FnMut() -> Option<Node> {
    let mut rng = Rng::new(seed, lane);
    let ends = Ends::new(streets);
    move || ends.pick(streets, &mut rng).map(|(node, _)| node)
}

impl<'a> Day<'a> {
    /// The day of `seed` for a fleet of so many vehicles.
    pub fn new(streets: &'a Streets, seed: u64, vehicles: usize) -> Self {
        let vehicles = f64::from(u32::try_from(vehicles.max(1)).unwrap_or(u32::MAX));
        Self { streets, ends: Ends::new(streets), rng: Rng::new(seed, 0xDA1), vehicles, count: 0, at_s: 0.0 }
    }

    /// Orders an hour at a time of the day, in simulated seconds from its start.
    pub fn rate(&self, at_s: f64) -> f64 {
        let hour = (FIRST_HOUR + at_s / 3600.0).rem_euclid(24.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 24")]
        let index = hour as usize % 24;
        let (here, next) = (CURVE[index], CURVE[(index + 1) % 24]);
        self.vehicles * PEAK_PER_VEHICLE_HOUR * (here + (next - here) * hour.fract())
    }

    fn site(&mut self) -> Option<Site> {
        let (node, address) = self.ends.pick(self.streets, &mut self.rng)?;
        Some(Site { address: Some(address), ..Site::at(self.streets.place(node)) })
    }
}

impl Iterator for Day<'_> {
    type Item = Wish;

    fn next(&mut self) -> Option<Wish> {
        let opening = OPENING.get(self.count).copied();
        self.at_s = opening.unwrap_or_else(|| self.at_s + self.rng.gap(3600.0 / self.rate(self.at_s)));
        self.count += 1;
        let pickup = self.site()?;
        let mut dropoff = self.site()?;
        for _ in 0..8 {
            if dropoff.place.distance(pickup.place).0 > 400.0 {
                break;
            }
            dropoff = self.site()?;
        }
        let later = opening.is_none() && self.rng.chance(0.25);
        let heavy = self.rng.chance(0.06);
        let load = if heavy { self.rng.between(900.0, 2500.0) } else { self.rng.gap(60.0).clamp(1.0, 180.0) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 to 2500")]
        let load_kg = load as u32;
        Some(Wish {
            at_s: self.at_s,
            lead_s: later.then(|| 60.0 * self.rng.between(20.0, 90.0).round()),
            pickup,
            dropoff,
            class: heavy.then_some("truck"),
            load_kg,
            customer: CUSTOMERS[self.rng.index(CUSTOMERS.len())],
            notes: self.rng.chance(0.3).then(|| NOTES[self.rng.index(NOTES.len())]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        let streets = Streets::andorra().unwrap();
        let take = |seed| Day::new(&streets, seed, 60).take(200).collect::<Vec<_>>();
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
    }

    #[test]
    fn a_day_follows_its_curve() {
        let streets = Streets::andorra().unwrap();
        let day = Day::new(&streets, 3, 60);
        let wishes: Vec<_> = day.take_while(|w| w.at_s < 24.0 * 3600.0).collect();
        assert!((1000..2200).contains(&wishes.len()), "{}", wishes.len());
        assert!(wishes.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
        let within = |from: f64, to: f64| wishes.iter().filter(|w| (from..to).contains(&(w.at_s / 3600.0 + FIRST_HOUR))).count();
        assert!(within(9.0, 12.0) > 5 * within(25.0, 28.0));
        assert!(wishes.iter().all(|w| w.load_kg > 0 && w.pickup.address.is_some()));
        assert!(wishes.iter().any(|w| w.lead_s.is_some()) && wishes.iter().any(|w| w.class.is_some()));
    }
}
