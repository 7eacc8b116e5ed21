//! A street network to drive in: nodes, one-way or two-way streets, towns.

mod geojson;
mod route;

pub use route::{Leg, Route};

use crate::model::Place;
use flate2::read::GzDecoder;
use std::io::Read;

/// Who made the data; to be shown wherever it is.
pub const ATTRIBUTION: &str = "© OpenStreetMap contributors";

const ANDORRA: &[u8] = include_bytes!("andorra.txt.gz");

/// A node of the network, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(u32);

impl Node {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a street is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Through roads.
    Major,
    /// Local streets.
    Minor,
    /// Yards and drives.
    Service,
}

/// A settlement.
#[derive(Clone, PartialEq, Debug)]
pub struct Town {
    /// Its name.
    pub name: String,
    /// How much happens there, from 1.
    pub weight: u32,
    /// Its middle.
    pub place: Place,
}

#[derive(Debug)]
struct Way {
    class: Class,
    kmh: u8,
    oneway: bool,
    nodes: Vec<Node>,
    name: String,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    to: Node,
    way: u32,
    metres: f32,
}

/// The network.
#[derive(Debug)]
pub struct Streets {
    places: Vec<Place>,
    ways: Vec<Way>,
    towns: Vec<Town>,
    /// The edges of node n are `edges[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

/// Why a text is not a street network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("streets, line {line}: {what}")]
pub struct Malformed {
    line: usize,
    what: &'static str,
}

impl Streets {
    /// The network that the demo drives in.
    pub fn andorra() -> Result<Self, Malformed> {
        let mut text = String::new();
        let unzip = GzDecoder::new(ANDORRA).read_to_string(&mut text);
        unzip.map_err(|_| Malformed { line: 0, what: "does not unzip" })?;
        Self::parse(&text)
    }

    /// Reads the format that `streets/README.md` tells.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = (1..).zip(text.lines());
        if !lines.next().is_some_and(|(_, first)| first.starts_with("streets 1 ")) {
            return Err(Malformed { line: 1, what: "must start with `streets 1`" });
        }
        let (mut places, mut ways, mut towns) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = (0, 0);
        for (line, item) in lines {
            let told = |what| move || Malformed { line, what };
            if let Some(way) = item.strip_prefix("way ") {
                ways.push(read_way(way, places.len()).ok_or_else(told("not a way"))?);
            } else if let Some(town) = item.strip_prefix("town ") {
                towns.push(read_town(town).ok_or_else(told("not a town"))?);
            } else {
                let step = read_pair(item).ok_or_else(told("not a node"))?;
                at = (at.0 + step.0, at.1 + step.1);
                places.push(place(at.0, at.1).ok_or_else(told("not on the earth"))?);
            }
        }
        let (starts, edges) = connect(&places, &ways);
        Ok(Self { places, ways, towns, starts, edges })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Is there nothing to drive on?
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..u32::try_from(self.places.len()).unwrap_or(u32::MAX)).map(Node)
    }

    /// Where a node is.
    pub fn place(&self, node: Node) -> Place {
        self.places[node.index()]
    }

    /// The settlements.
    pub fn towns(&self) -> &[Town] {
        &self.towns
    }

    /// The node nearest to `place`; `None` in an empty network.
    pub fn nearest(&self, place: Place) -> Option<Node> {
        let narrow = place.lat().to_radians().cos();
        let off = |node: &Node| {
            let here = self.place(*node);
            let (y, x) = (here.lat() - place.lat(), (here.lon() - place.lon()) * narrow);
            y * y + x * x
        };
        self.nodes().min_by(|a, b| off(a).total_cmp(&off(b)))
    }

    /// The name of a street at `node`, when one has a name.
    pub fn street(&self, node: Node) -> Option<&str> {
        let names = self.edges_of(node).iter().map(|edge| self.ways[edge.way as usize].name.as_str());
        names.into_iter().find(|name| !name.is_empty())
    }

    /// What the streets at `node` are at best.
    pub fn is_service_only(&self, node: Node) -> bool {
        self.edges_of(node).iter().all(|edge| self.ways[edge.way as usize].class == Class::Service)
    }

    fn edges_of(&self, node: Node) -> &[Edge] {
        &self.edges[self.starts[node.index()]..self.starts[node.index() + 1]]
    }
}

fn place(lat: i64, lon: i64) -> Option<Place> {
    Place::new(lat as f64 / 1e6, lon as f64 / 1e6).ok()
}

fn read_pair(text: &str) -> Option<(i64, i64)> {
    let (a, b) = text.split_once(' ')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

fn read_town(text: &str) -> Option<Town> {
    let mut words = text.splitn(4, ' ');
    let weight = words.next()?.parse().ok()?;
    let (lat, lon) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Town { weight, place: place(lat, lon)?, name: words.next()?.to_owned() })
}

fn read_way(text: &str, known: usize) -> Option<Way> {
    let (numbers, name) = text.split_once('|')?;
    let mut words = numbers.split(' ');
    let class = match words.next()? {
        "0" => Class::Major,
        "1" => Class::Minor,
        "2" => Class::Service,
        _ => return None,
    };
    let kmh = words.next()?.parse().ok().filter(|kmh| *kmh > 0)?;
    let oneway = words.next()? == "1";
    let mut at = 0_i64;
    let node = |step: &str| {
        at += step.parse::<i64>().ok()?;
        u32::try_from(at).ok().filter(|n| (*n as usize) < known).map(Node)
    };
    let nodes: Vec<_> = words.map(node).collect::<Option<_>>()?;
    (nodes.len() > 1).then(|| Way { class, kmh, oneway, nodes, name: name.to_owned() })
}

fn connect(places: &[Place], ways: &[Way]) -> (Vec<usize>, Vec<Edge>) {
    let mut all = Vec::new();
    for (way, number) in ways.iter().zip(0_u32..) {
        for pair in way.nodes.windows(2) {
            #[expect(clippy::cast_possible_truncation, reason = "a street is shorter than an f32 can tell")]
            let metres = places[pair[0].index()].distance(places[pair[1].index()]).0 as f32;
            all.push((pair[0], Edge { to: pair[1], way: number, metres }));
            if !way.oneway {
                all.push((pair[1], Edge { to: pair[0], way: number, metres }));
            }
        }
    }
    all.sort_by_key(|(from, edge)| (*from, edge.to));
    let mut starts = vec![0; places.len() + 1];
    for (from, _) in &all {
        starts[from.index() + 1] += 1;
    }
    for n in 0..places.len() {
        starts[n + 1] += starts[n];
    }
    (starts, all.into_iter().map(|(_, edge)| edge).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROSS: &str =
        "streets 1 test\ntown 3 42500000 1500000 Middle\n42500000 1500000\n0 1000\n1000 0\nway 0 50 1 0 1 1|Main\nway 1 30 0 0 2|\n";

    #[test]
    fn reads_nodes_towns_and_ways() {
        let streets = Streets::parse(CROSS).unwrap();
        assert_eq!((streets.len(), streets.towns().len(), streets.edges.len()), (3, 1, 4));
        assert_eq!(streets.street(Node(1)), Some("Main"));
        assert_eq!(streets.nearest(Place::new(42.5011, 1.5012).unwrap()), Some(Node(2)));
    }

    #[test]
    fn tells_the_line_that_is_wrong() {
        for (text, line) in [("nope", 1), ("streets 1 x\nhm", 2), ("streets 1 x\n1 1\nway 0 50 0 0 7|", 3), ("streets 1 x\n91000000 0", 2)]
        {
            assert_eq!(Streets::parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn andorra_is_there_and_has_its_capital() {
        let streets = Streets::andorra().unwrap();
        assert!(streets.len() > 5_000);
        assert!(streets.towns().iter().any(|t| t.name == "Andorra la Vella"));
    }
}
