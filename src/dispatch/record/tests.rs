//! What records say.

use super::*;
use crate::dispatch::plan;
use crate::eta::Travel;
use crate::model::{Availability, Capacity, Place, Span};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn seen(id: &str, east: f64, availability: Availability) -> Seen {
    let place = Place::new(0.0, east / 111_195.0).ok();
    let id = VehicleId::new(id).unwrap();
    Seen {
        id,
        class: "van".into(),
        capacity: Capacity::default(),
        skills: [].into(),
        online: true,
        availability,
        place,
        fix_ts: Some(NOW),
        soon: None,
        barred: None,
        jobs_per_hour: 0.0,
    }
}

fn record(seen: &[Seen]) -> Record {
    let rules = Rules::from(&crate::config::Dispatch::default());
    let id = BookingId::generate(NOW, [1; 10]);
    let pickup = Place::new(0.0, 0.0).unwrap();
    let waiting = Waiting { trip: Span::from_secs(600), ..Waiting::new(id, pickup, NOW) };
    let plan = plan::assign(NOW, std::slice::from_ref(&waiting), seen, &plan::Lately::default(), &rules);
    let survey = plan::Survey::new(NOW, seen, &rules);
    let out = survey.exclusions(&waiting, EXCLUDED_TOLD);
    let references = HashMap::from([(id, "B-1".to_owned())]);
    Round { number: 7, at: NOW, trigger: "journal", rules: &rules, eta_source: Travel::SOURCE, seen, references: &references }.record(
        &plan.outcomes[0],
        &waiting,
        &out,
        survey.blocked(&waiting).as_ref(),
    )
}

#[test]
fn the_sentence_says_why_this_one() {
    use Availability::{EnRoute, Free, Loading};
    let told =
        record(&[seen("KA-1", 100.0, EnRoute), seen("KA-2", 200.0, Loading), seen("KA-104", 1_300.0, Free), seen("KA-9", 2_000.0, Free)]);
    assert_eq!(told.sentence, "KA-104 was nearest of those that are free: 4 min away; 2 closer ones were busy.");
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["chosen"], "KA-104");
    assert_eq!(json["candidates"][0]["factors"][0]["name"], "travel_s");
    assert_eq!(json["excluded"][0]["reason"], "busy");
    assert_eq!(json["excluded_total"]["busy"], 2);
}

#[test]
fn the_sentence_says_why_nobody() {
    assert_eq!(record(&[]).sentence, "Nobody yet: the depot has no vehicle.");
    let fleet = [seen("a", 1.0, Availability::EnRoute), seen("b", 2.0, Availability::EnRoute), seen("c", 3.0, Availability::OffDuty)];
    assert_eq!(record(&fleet).sentence, "Nobody yet: of 3 vehicles, 1 is off duty and 2 are busy. a could, were it not busy.");
    assert_eq!(record(&fleet).blocked_by, Some(BlockedBy { reasons: vec!["busy"], vehicle_id: Some(fleet[0].id.clone()) }));
}
