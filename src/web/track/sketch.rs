//! A sketch of a delivery as SVG: where it goes, where it comes from, where the vehicle is; with rings of equal distance around the
//! drop-off in place of streets, which would be megabytes.

use super::words::Words;
use crate::links::{Coarse, Glimpse};
use crate::model::{Metres, Place};
use std::fmt::Write as _;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 240.0;
/// Free at the edges, where marks reach beyond their places.
const MARGIN: f64 = 30.0;
/// Metres that the sketch is wide and high at least.
const LEAST_M: f64 = 400.0;
/// Metres of a degree of latitude on the sphere of [`Place::distance`].
const DEGREE_M: f64 = 111_195.08;
/// Pixels between two rings at least.
const RING: f64 = 36.0;
/// Rings at most.
const RINGS: u32 = 12;

/// A point of the sketch in pixels, y downwards; before it is scaled, in metres east and south of the drop-off.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Point {
    x: f64,
    y: f64,
}

/// From metres to pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Scale {
    middle: Point,
    per_metre: f64,
}

impl Scale {
    /// The largest at which all of these fit, each with what is around it in metres.
    fn of(all: &[(Point, f64)]) -> Self {
        let bound = |of: fn(&Point) -> f64| {
            let low = all.iter().map(|(p, around)| of(p) - around).fold(f64::INFINITY, f64::min);
            let high = all.iter().map(|(p, around)| of(p) + around).fold(f64::NEG_INFINITY, f64::max);
            ((low + high) / 2.0, (high - low).max(LEAST_M))
        };
        let ((x, width), (y, height)) = (bound(|p| p.x), bound(|p| p.y));
        let per_metre = ((WIDTH - 2.0 * MARGIN) / width).min((HEIGHT - 2.0 * MARGIN) / height);
        Self { middle: Point { x, y }, per_metre }
    }

    fn at(self, p: Point) -> Point {
        let to = |metres: f64, middle: f64, size: f64| size / 2.0 + (metres - middle) * self.per_metre;
        Point { x: to(p.x, self.middle.x, WIDTH), y: to(p.y, self.middle.y, HEIGHT) }
    }
}

/// Metres east and south of `origin`, on a plane that touches the earth there: true to a percent within a hundred kilometres.
fn offset(place: Place, origin: Place) -> Point {
    let east = (place.lon() - origin.lon() + 540.0).rem_euclid(360.0) - 180.0;
    Point { x: east * DEGREE_M * libm::cos(origin.lat().to_radians()), y: (origin.lat() - place.lat()) * DEGREE_M }
}

/// The first of 1, 2, 5, 10, 20 … metres that is not less.
fn round_up(metres: f64) -> f64 {
    let power = libm::pow(10.0, libm::log10(metres.max(1.0)).floor());
    [1.0, 2.0, 5.0].into_iter().map(|step| step * power).find(|step| *step >= metres).unwrap_or(10.0 * power)
}

/// The sketch. It is described in words beside it, so its parts are hidden from screen readers.
pub fn draw(glimpse: &Glimpse, words: &Words) -> String {
    let place = |place: Place| offset(place, glimpse.dropoff);
    let around = |coarse: &Coarse| (place(coarse.place), f64::from(coarse.within_m));
    let home = Point { x: 0.0, y: 0.0 };
    let pickup = glimpse.pickup.as_ref().map(around);
    let vehicle = glimpse.vehicle.map(|seen| (place(seen.place), seen.within_m.map_or(0.0, f64::from)));
    // On the last stretch what matters is how far the vehicle is, not where it came from.
    let shown = pickup.filter(|_| glimpse.vehicle.is_none_or(|seen| !seen.near));
    let scale = Scale::of(&[Some((home, 0.0)), shown, vehicle].into_iter().flatten().collect::<Vec<_>>());

    let mut svg = format!(r#"<svg class="sketch" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#, words.sketch);
    let ring_m = round_up(RING / scale.per_metre);
    rings(&mut svg, scale.at(home), ring_m, ring_m * scale.per_metre, words);
    if let Some((at, radius)) = vehicle {
        let (from, to) = (scale.at(at), scale.at(home));
        put(&mut svg, format_args!(r#"<path class="way" fill="none" d="M{:.1} {:.1}L{:.1} {:.1}"/>"#, from.x, from.y, to.x, to.y));
        blur(&mut svg, from, radius * scale.per_metre, "vehicle");
    }
    if let Some((at, radius)) = shown {
        let at = scale.at(at);
        blur(&mut svg, at, radius * scale.per_metre, "pickup");
        put(&mut svg, format_args!(r#"<rect class="pickup" x="{:.1}" y="{:.1}" width="11" height="11" rx="2"/>"#, at.x - 5.5, at.y - 5.5));
    }
    let at = scale.at(home);
    put(&mut svg, format_args!(r#"<path class="dropoff" d="M{:.1} {:.1}l-7-12a8.2 8.2 0 1 1 14 0z"/>"#, at.x, at.y));
    if let Some((at, _)) = vehicle {
        let at = scale.at(at);
        put(&mut svg, format_args!(r#"<circle class="vehicle" cx="{:.1}" cy="{:.1}" r="7"/>"#, at.x, at.y));
    }
    let bar = ring_m * scale.per_metre;
    let said = words.distance(Metres(ring_m));
    put(&mut svg, format_args!(r#"<path class="ink" fill="none" d="M12 {0}v6h{bar:.1}v-6"/>"#, HEIGHT - 18.0));
    put(&mut svg, format_args!(r#"<text x="{:.1}" y="{}">{said}</text>"#, 18.0 + bar, HEIGHT - 11.0));
    put(&mut svg, format_args!(r#"<path class="north" d="M{0} 10l6 16-6-4-6 4z"/>"#, WIDTH - 18.0));
    put(&mut svg, format_args!(r#"<text x="{}" y="39" text-anchor="middle">N</text></svg>"#, WIDTH - 18.0));
    svg
}

fn put(svg: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = svg.write_fmt(what);
}

/// Rings around the drop-off, each with its distance where it can be read.
fn rings(svg: &mut String, home: Point, ring_m: f64, ring: f64, words: &Words) {
    for n in 1..=RINGS {
        let radius = ring * f64::from(n);
        let far = [home.x, WIDTH - home.x].map(f64::abs).into_iter().fold(0.0, f64::max);
        let high = [home.y, HEIGHT - home.y].map(f64::abs).into_iter().fold(0.0, f64::max);
        if radius > libm::hypot(far, high) {
            return;
        }
        put(svg, format_args!(r#"<circle class="ring" fill="none" cx="{:.1}" cy="{:.1}" r="{radius:.1}"/>"#, home.x, home.y));
        let ends = [(home.x, home.y - radius), (home.x, home.y + radius), (home.x - radius, home.y), (home.x + radius, home.y)];
        let fits = |(x, y): &(f64, f64)| (24.0..WIDTH - 40.0).contains(x) && (14.0..HEIGHT - 28.0).contains(y);
        if let Some((x, y)) = ends.into_iter().find(fits) {
            let said = words.distance(Metres(ring_m * f64::from(n)));
            put(svg, format_args!(r#"<text class="dim" x="{x:.1}" y="{:.1}" text-anchor="middle">{said}</text>"#, y + 4.0));
        }
    }
}

/// Where something is that is not told exactly.
fn blur(svg: &mut String, at: Point, radius: f64, class: &str) {
    if radius > 0.0 {
        let radius = radius.max(10.0);
        put(svg, format_args!(r#"<circle class="blur {class}" fill-opacity=".15" cx="{:.1}" cy="{:.1}" r="{radius:.1}"/>"#, at.x, at.y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_are_round() {
        for (metres, step) in [(0.2, 1.0), (1.0, 1.0), (1.1, 2.0), (2_100.0, 5_000.0), (5_001.0, 10_000.0), (99_999.0, 100_000.0)] {
            assert!((round_up(metres) - step).abs() < 1e-6, "{metres}: {}", round_up(metres));
        }
    }

    #[test]
    fn the_plane_agrees_with_the_sphere_across_the_date_line() {
        for (a, b) in [((42.5, 1.5), (42.6, 1.7)), ((-16.8, 179.95), (-16.9, -179.9)), ((60.1, 24.9), (60.0, 24.0))] {
            let (a, b) = (Place::new(a.0, a.1).unwrap(), Place::new(b.0, b.1).unwrap());
            let (p, Metres(sphere)) = (offset(a, b), a.distance(b));
            assert!((libm::hypot(p.x, p.y) / sphere - 1.0).abs() < 0.01, "{p:?} {sphere}");
        }
    }

    proptest! {
        #[test]
        fn everything_is_within_the_picture(all in proptest::collection::vec((-1e5..1e5, -1e5..1e5, 0.0..1e3), 1..4)) {
            let all: Vec<_> = all.into_iter().map(|(x, y, around)| (Point { x, y }, around)).collect();
            let scale = Scale::of(&all);
            for (p, around) in &all {
                let (at, around) = (scale.at(*p), around * scale.per_metre);
                prop_assert!(at.x - around >= MARGIN - 0.01 && at.x + around <= WIDTH - MARGIN + 0.01, "{at:?}");
                prop_assert!(at.y - around >= MARGIN - 0.01 && at.y + around <= HEIGHT - MARGIN + 0.01, "{at:?}");
            }
        }
    }
}
