use super::layers::{effective, with};
use super::*;
use crate::bookings::{Bookings, PlaceRequest};
use crate::config::Origins;
use crate::model::{Actor, Kind, Order, Place, Site, Span};
use crate::store::{audit, journal};
use proptest::prelude::*;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

struct Depot {
    dir: tempfile::TempDir,
    clock: Clock,
    settings: Settings,
}

impl Depot {
    async fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW));
        let settings = Self::open(&dir, &clock, Config::default());
        Self { dir, clock, settings }
    }

    fn open(dir: &tempfile::TempDir, clock: &Clock, config: Config) -> Settings {
        let base = Base { config, origins: Origins::default() };
        Settings::open(Db::open(dir.path()).unwrap(), base, clock.clone()).unwrap()
    }

    fn db(&self) -> &Db {
        &self.settings.0.db
    }

    async fn put_above(&self, values: &[(&str, Value)], cmd_id: &str) -> Result<(), Error> {
        let values: Vec<(String, Value)> = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let (settings, cmd_id, now) = (self.settings.clone(), cmd_id.to_owned(), self.clock.now());
        self.db().write(move |tx| settings.put_from_above(tx, &values, &cmd_id, now)).await?;
        Ok(self.settings.catch_up().await?)
    }

    async fn set(&self, key: &str, value: Value, hours: i64) -> Result<Setting, Error> {
        let until = self.clock.now() + Span::from_secs(hours * 3_600);
        let wish = Wish { value, until: Some(until), reason: "a strike".into() };
        self.settings.set_for_a_while(key, wish, Actor::User("ana".into())).await
    }

    fn seen(&self, key: &str) -> (Value, &'static str) {
        let setting = self.settings.get(key).unwrap();
        (setting.value, setting.source.as_str())
    }

    async fn what_happened(&self) -> Vec<String> {
        let events = self.db().read(|c| journal::after(c, 0, 100)).await.unwrap();
        assert!(events.iter().all(|e| e.kind == Kind::SettingsChanged));
        let what = |data: &str| serde_json::from_str::<Value>(data).unwrap()["what"].as_str().unwrap().to_owned();
        events.iter().map(|e| what(&e.data)).collect()
    }
}

fn faults(result: Result<impl std::fmt::Debug, Error>) -> Vec<Fault> {
    match result {
        Err(Error::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_override_lies_over_head_office_and_both_over_the_base_until_its_time_is_over() {
    let depot = Depot::new().await;
    let key = "tariff.base_minor";
    assert_eq!(depot.seen(key), (json!(500), "default"));
    depot.put_above(&[(key, json!(600))], "c-1").await.unwrap();
    assert_eq!(depot.seen(key), (json!(600), "head_office"));
    depot.set(key, json!(700), 4).await.unwrap();
    assert_eq!(depot.seen(key), (json!(700), "override"));
    // What head office sends meanwhile waits below.
    depot.put_above(&[(key, json!(650))], "c-2").await.unwrap();
    assert_eq!((depot.seen(key), depot.settings.current().get().tariff.base_minor), ((json!(700), "override"), 700));
    depot.clock.advance(Span::from_secs(4 * 3_600 - 1));
    depot.settings.catch_up().await.unwrap();
    assert_eq!(depot.seen(key).0, json!(700));
    depot.clock.advance(Span::from_secs(1));
    depot.settings.catch_up().await.unwrap();
    assert_eq!((depot.seen(key), depot.settings.current().get().tariff.base_minor), ((json!(650), "head_office"), 650));
    assert_eq!(depot.settings.get(key).unwrap().above.unwrap().0.cmd_id, "c-2");
    let (settings, now) = (depot.settings.clone(), depot.clock.now());
    depot.db().write(move |tx| settings.clear_from_above(tx, &[key.to_owned()], "c-3", now)).await.unwrap();
    depot.settings.catch_up().await.unwrap();
    assert_eq!(depot.seen(key), (json!(500), "default"));
    let expected = ["set_from_above", "overridden", "set_from_above", "override_expired", "cleared_from_above"];
    assert_eq!(depot.what_happened().await, expected);
    let audited = depot.db().read(|c| audit::newest(c, 10)).await.unwrap();
    let actions: Vec<_> = audited.iter().rev().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect();
    assert_eq!(actions[1], ("settings.override", "user:ana"));
    assert_eq!(actions[3], ("settings.override_expired", "system"));
}

#[tokio::test]
async fn an_override_ends_early_when_it_is_asked_to_and_stays_over_a_restart() {
    let depot = Depot::new().await;
    depot.set("dispatch.offers", json!("best"), 2).await.unwrap();
    let again = Depot::open(&depot.dir, &depot.clock, Config::default());
    assert_eq!(again.current().get().dispatch.offers, crate::config::Offers::Best);
    again.end_override("dispatch.offers", Actor::System).await.unwrap();
    assert!(matches!(again.end_override("dispatch.offers", Actor::System).await, Err(Error::NotOverridden(_))));
    // The other process takes it up from the revision.
    assert_eq!(depot.seen("dispatch.offers").1, "override");
    depot.settings.catch_up().await.unwrap();
    assert_eq!(depot.seen("dispatch.offers"), (json!("off"), "default"));
    // One that ended while nothing ran does not count at the start.
    depot.set("dispatch.offers", json!("one"), 2).await.unwrap();
    depot.clock.advance(Span::from_secs(7_200));
    let later = Depot::open(&depot.dir, &depot.clock, Config::default());
    assert_eq!(later.get("dispatch.offers").unwrap().source.as_str(), "default");
    assert!(later.get("dispatch.offers").unwrap().over.is_none());
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_kept() {
    let depot = Depot::new().await;
    let named = |faults: Vec<Fault>| faults.into_iter().map(|f| f.key).collect::<Vec<_>>();
    let wish = Wish { value: json!(-1), until: Some(NOW + Span::from_secs(8 * 86_400)), reason: " ".into() };
    let wrong = depot.settings.set_for_a_while("tariff.base_minor", wish, Actor::System).await;
    assert_eq!(named(faults(wrong)), ["until", "reason", "value"]);
    let wish = |until| Wish { value: json!(1), until: Some(until), reason: "r".into() };
    assert_eq!(named(faults(depot.settings.set_for_a_while("tariff.base_minor", wish(NOW), Actor::System).await)), ["until"]);
    // Each is within its own bounds, together they are not.
    let faults_of_two = faults(depot.set("dispatch.gather_ms", json!(6_000), 1).await);
    assert!(faults_of_two[0].message.contains("dispatch.gather_most_ms must not be less"), "{faults_of_two:?}");
    // A service that could not answer within a round's share of another pace: other sections are checked too.
    let mut roads = Config::default();
    roads.eta.road_url = "http://osrm:5000".into();
    let with_roads = Depot::open(&depot.dir, &depot.clock, roads);
    let wish = Wish { value: json!(1), until: None, reason: "r".into() };
    let slow = faults(with_roads.set_for_a_while("dispatch.retry_s", wish, Actor::System).await);
    assert!(slow[0].message.contains("eta.round_share"), "{slow:?}");
    for (key, expected) in [("http.listen", "Fixed"), ("tariff.currency", "Fixed"), ("mqtt.tls_key", "Unknown"), ("tariff.nope", "Unknown")]
    {
        let error = depot.set(key, json!(1), 1).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{key}: {error:?}");
    }
    let values = [("tariff.base_minor", json!(900)), ("http.listen", json!("0.0.0.0:1")), ("dispatch.automatic", json!("maybe"))];
    assert_eq!(named(faults(depot.put_above(&values, "c-1").await)), ["http.listen", "dispatch.automatic"]);
    let twice = [("tariff.base_minor", json!(1)), ("tariff.base_minor", json!(2))];
    assert!(faults(depot.put_above(&twice, "c-2").await)[0].message.contains("twice"));
    assert_eq!(depot.what_happened().await, [""; 0]);
    assert_eq!(depot.seen("tariff.base_minor"), (json!(500), "default"));
}

#[tokio::test]
async fn values_from_above_that_only_pass_together_are_taken_together() {
    let depot = Depot::new().await;
    depot.put_above(&[("dispatch.gather_ms", json!(8_000)), ("dispatch.gather_most_ms", json!(9_000))], "c-1").await.unwrap();
    assert_eq!(depot.settings.current().get().dispatch.gather_ms, 8_000);
    // An override that does not fit what head office sends later is set aside and told; head office's order stands.
    depot.set("dispatch.gather_most_ms", json!(8_500), 1).await.unwrap();
    depot.put_above(&[("dispatch.gather_ms", json!(8_800))], "c-2").await.unwrap();
    let setting = depot.settings.get("dispatch.gather_most_ms").unwrap();
    assert_eq!((setting.value, setting.source.as_str()), (json!(9_000), "head_office"));
    assert!(setting.over.unwrap().1[0].contains("must not be less"));
    assert_eq!(depot.settings.stats(), Stats { above: 2, overridden: 1, aside: 1 });
}

#[tokio::test]
async fn what_does_not_pass_after_an_upgrade_is_set_aside_and_told() {
    let depot = Depot::new().await;
    let above = |value: Value| Above { value, cmd_id: "old".into(), at: NOW };
    let rows = [("tariff.base_minor", above(json!(-5))), ("tariff.of_old", above(json!(1))), ("tariff.per_km_minor", above(json!(99)))];
    depot.db().write(move |tx| rows.iter().try_for_each(|(key, above)| rows::put_above(tx, key, above))).await.unwrap();
    let settings = Depot::open(&depot.dir, &depot.clock, Config::default());
    let tariff = settings.current().get().tariff.clone();
    assert_eq!((tariff.base_minor, tariff.per_km_minor), (500, 99));
    let setting = settings.get("tariff.base_minor").unwrap();
    assert_eq!(
        (setting.source.as_str(), setting.above.unwrap().1),
        ("default", vec!["tariff.base_minor must be within 0 to 1000000000".to_owned()])
    );
    // And it does not keep anybody from setting another.
    let wish = Wish { value: json!(7), until: None, reason: "r".into() };
    assert_eq!(settings.set_for_a_while("tariff.base_minor", wish, Actor::System).await.unwrap().value, json!(7));
}

#[tokio::test]
async fn a_quote_keeps_its_price_though_the_tariff_changes() {
    let depot = Depot::new().await;
    let bookings = Bookings::new(depot.db().clone(), depot.settings.current(), depot.clock.clone());
    let site = |lat: f64| Site::at(Place::new(lat, 1.5).unwrap());
    let order = || Order::new(site(42.5), site(42.6));
    let quote = bookings.quote(order(), None).await.unwrap();
    depot.set("tariff.per_km_minor", json!(1_000), 1).await.unwrap();
    let dearer = bookings.quote(order(), None).await.unwrap();
    assert!(dearer.price.amount_minor > 2 * quote.price.amount_minor, "{dearer:?}");
    let place = |quote_id: Option<String>| bookings.place(PlaceRequest { quote_id, ..order().into() }, Actor::System, None);
    assert_eq!(place(Some(quote.id.to_string())).await.unwrap().booking.fare.price, quote.price);
    assert_eq!(place(None).await.unwrap().booking.fare.price, dearer.price);
    depot.clock.advance(Span::from_secs(16 * 60));
    assert!(place(Some(quote.id.to_string())).await.is_err(), "the quote expired");
}

/// A key with a value that may be right, wrong for its type, out of range, or not fit another's.
fn laid() -> impl Strategy<Value = (&'static str, Value)> {
    let number = prop_oneof![Just(json!(-1)), (0..12_000_i64).prop_map(Value::from), (0.0..200.0_f64).prop_map(Value::from)];
    let any = prop_oneof![8 => number, 1 => Just(json!("best")), 1 => Just(json!(true)), 1 => Just(Value::Null)];
    let keys = [
        "dispatch.gather_ms",
        "dispatch.gather_most_ms",
        "dispatch.automatic",
        "dispatch.offers",
        "dispatch.trip_weight",
        "dispatch.retry_s",
        "tariff.base_minor",
        "drivers.max_day_s",
        "http.listen",
        "tariff.of_old",
    ];
    (proptest::sample::select(keys.to_vec()), any)
}

fn any_layers() -> impl Strategy<Value = Layers> {
    let above = proptest::collection::vec(laid(), 0..6);
    let over = proptest::collection::vec((laid(), -100..100_i64), 0..6);
    (above, over).prop_map(|(above, over)| Layers {
        above: above.into_iter().map(|(key, value)| (key.to_owned(), Above { value, cmd_id: "c".into(), at: NOW })).collect(),
        overrides: over
            .into_iter()
            .map(|((key, value), s)| {
                let until = NOW + Span::from_secs(s);
                (key.to_owned(), Override { value, until, actor: "user:ana".into(), reason: "r".into(), at: NOW })
            })
            .collect(),
    })
}

fn in_effect(config: &Config, key: &str) -> Option<f64> {
    keys::shown(config).into_iter().find(|(k, _)| k == key)?.1.as_f64()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever lies over it: what is in effect is sound, each value in it is the topmost that was not set aside, and nothing
    /// was set aside that could be in effect.
    #[test]
    fn what_is_in_effect_is_sound_and_the_topmost(layers in any_layers()) {
        let base = Config::default();
        let made = effective(&base, &layers, NOW);
        prop_assert_eq!(made.config.faults(), Vec::<String>::new());
        for key in keys::LIVE {
            let over = layers.overrides.get(*key).filter(|o| o.until > NOW && !made.overrides_aside.contains_key(*key)).map(|o| &o.value);
            let above = layers.above.get(*key).filter(|_| !made.above_aside.contains_key(*key)).map(|a| &a.value);
            let expected = over.or(above).map_or_else(|| in_effect(&base, key), Value::as_f64);
            prop_assert_eq!(in_effect(&made.config, key), expected, "{}", key);
        }
        for (key, why) in &made.overrides_aside {
            prop_assert!(!why.is_empty() && with(&made.config, &[(key, &layers.overrides[key].value)]).is_err(), "{}", key);
        }
    }

    /// Time takes overrides away and does nothing else: at each moment it is as if those that are over had never been.
    #[test]
    fn an_override_that_is_over_leaves_no_trace(layers in any_layers(), s in -120..120_i64) {
        let at = NOW + Span::from_secs(s);
        let mut rest = layers.clone();
        rest.overrides.retain(|_, over| over.until > at);
        let base = Config::default();
        prop_assert_eq!(effective(&base, &layers, at), effective(&base, &rest, NOW - Span::from_secs(1_000)));
        let last = NOW + Span::from_secs(100);
        let bare = Layers { overrides: std::collections::BTreeMap::new(), ..layers.clone() };
        prop_assert_eq!(effective(&base, &layers, last), effective(&base, &bare, last));
    }
}
