//! The sections of the settings, a struct each, with their defaults.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The depot itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Depot {
    /// Shown in the console.
    pub name: String,
    /// IANA time zone of the depot's local times.
    pub zone: String,
    /// Latitude in degrees where the map opens.
    pub lat: f64,
    /// Longitude in degrees where the map opens.
    pub lon: f64,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Backups kept; older ones go when a new one is made.
    pub keep_backups: usize,
}

/// The HTTP side: console and API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    /// Address and port of the console and the API; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Open connections at most; more wait in the kernel.
    pub max_connections: usize,
    /// Open connections from one address; more are closed. A proxy of `trusted_proxies` may have all.
    pub max_connections_per_address: usize,
    /// A request's body in bytes at most.
    pub max_body_bytes: usize,
    /// Seconds a client has to send its request head.
    pub header_timeout_s: u64,
    /// Seconds a request may take.
    pub request_timeout_s: u64,
    /// `true` when a proxy in front serves HTTPS: cookies are then marked Secure.
    pub behind_https: bool,
    /// Addresses of proxies in front. Who tries passwords is told by what these say in `X-Forwarded-For`; without them all who
    /// come through a proxy are one, and one who guesses locks the others out.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where people outside reach depotd, like `https://track.example.org`: tracking links begin with it. Empty: with the address that
    /// whoever makes one has called.
    pub public_url: String,
}

impl Http {
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        let url = self.public_url.parse::<hyper::Uri>();
        let fits = url.is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty()) && url.query().is_none()
        });
        demand(
            self.public_url.is_empty() || fits && !self.public_url.ends_with('/') && !self.public_url.contains('#'),
            "http.public_url must be like https://track.example.org, without a slash at its end",
        );
    }
}

/// The MQTT side: vehicles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mqtt {
    /// Plain MQTT; loopback unless you decide otherwise. Empty: off.
    #[serde(deserialize_with = "or_empty")]
    pub listen: Option<SocketAddr>,
    /// MQTT over TLS. Empty: off.
    #[serde(deserialize_with = "or_empty")]
    pub tls_listen: Option<SocketAddr>,
    /// Certificate chain in PEM; empty: depotd makes its own CA and leaf.
    #[serde(deserialize_with = "or_empty")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM.
    #[serde(deserialize_with = "or_empty")]
    pub tls_key: Option<PathBuf>,
    /// Open connections in all; more are refused.
    pub max_connections: usize,
    /// Open connections from one address; more are refused.
    pub max_connections_per_address: usize,
    /// Seconds from accept to a valid CONNECT, TLS handshake included.
    pub connect_timeout_s: u64,
    /// A packet in bytes at most.
    pub max_packet_bytes: usize,
    /// Clients that may listen in at once (dashboards, integrations; not vehicles waiting for their commands).
    pub max_subscribers: u16,
    /// Topic filters a client may hold.
    pub max_filters: usize,
    /// Messages a client may have in flight before the guard stops reading it. One more at QoS 2 ends the session.
    pub max_inflight: u16,
    /// Seconds a verified secret is remembered, so that a reconnect storm is cheap. Rotation and revocation forget it at once.
    pub credential_cache_s: u64,
    /// Failed log-ins an address may make in a minute; after them it lets in only devices whose secret is remembered, and tokens.
    pub max_failures_per_minute: u32,
}

/// What is believed of incoming fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// A speed beyond this, over the real time gap, is flagged as a jump.
    pub max_speed_kmh: f64,
    /// A fix further ahead than this never becomes "latest".
    pub max_future_s: u64,
    /// A fix older than this goes to history only.
    pub max_age_s: u64,
}

/// The fix log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracks {
    /// Milliseconds a commit may wait for company.
    pub commit_window_ms: u64,
    /// Fixes that make a commit at once.
    pub commit_fixes: usize,
    /// Fixes that may wait for a commit; beyond it senders are held back.
    pub queue_fixes: usize,
    /// Days that fixes are kept.
    pub retain_days: u32,
    /// Mebibytes that tracks.db may grow to; the oldest chunks go first.
    pub retain_mib: u64,
}

/// Where everyone is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fleet {
    /// Seconds between writes of the redb mirror.
    pub mirror_interval_s: u64,
    /// Vehicles that may be known at most.
    pub max_vehicles: usize,
}

/// How long drivers may work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drivers {
    /// Seconds a driver may be on duty in a day of the depot's zone, breaks not counted, where nothing else is said of him.
    pub max_day_s: u64,
    /// The same in any seven days.
    pub max_week_s: u64,
    /// Days that past duties and shifts are kept.
    pub keep_days: u32,
}

/// When bookings are given up, and how many are placed ahead or at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bookings {
    /// Seconds after its latest wanted pickup that a booking which no vehicle has is given up, unless it says when itself.
    pub expire_after_s: u32,
    /// Days ahead that the bookings of recurring ones are placed.
    pub recurring_ahead_days: u32,
    /// Seconds before a pickup that it is reminded of, where a schedule of kind `reminders` runs; eight at most. 86400 is a day of the
    /// depot's clocks: the same hour, also where they change between.
    pub remind_before_s: Vec<u32>,
    /// Days that photos and signatures of deliveries are kept.
    pub keep_proofs_days: u32,
    /// Bookings in an imported file at most.
    pub import_max_lines: u32,
}

/// Are drivers asked?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offers {
    /// No: they get the booking.
    Off,
    /// One after the other.
    One,
    /// The best few at once; the first to accept gets it.
    Best,
}

/// Who gets which job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dispatch {
    /// `false`: nothing is assigned by itself.
    pub automatic: bool,
    /// Milliseconds that requests are gathered before a round, when vehicles are plenty.
    pub gather_ms: u64,
    /// The same when vehicles are scarce: the more there is to choose from, the better the plan.
    pub gather_most_ms: u64,
    /// Seconds between rounds while bookings wait.
    pub retry_s: u64,
    /// A fix older than this excludes its vehicle.
    pub fix_max_age_s: u64,
    /// Vehicles looked at for each booking at first; more where the best plan needs them.
    pub candidates: usize,
    /// Metres from the pickup to look for vehicles at first.
    pub radius_m: f64,
    /// That doubles each time a booking has waited so many seconds …
    pub radius_grow_s: u64,
    /// … up to so many metres.
    pub max_radius_m: f64,
    /// Seconds before its pickup that a scheduled booking is released when no free vehicle's way to it is known; else it is released
    /// so long before as the nearest one drives, and `slack_s` more.
    pub lead_s: u64,
    /// See `lead_s`.
    pub slack_s: u64,
    /// Are drivers asked whether they take a booking? `off`: no, they get it; `one`: one after the other; `best`: the best few at once.
    pub offers: Offers,
    /// How many are asked at once with `best`.
    pub offer_best: usize,
    /// Seconds that a driver has to answer.
    pub offer_timeout_s: u64,
    /// Seconds that a booking is kept from a vehicle whose driver refused it; twice as long each time.
    pub decline_backoff_s: u64,
    /// A vehicle on its way to a pickup loses the job when it is offline and was not heard for so many seconds; 0: never.
    pub silent_s: u64,
    /// And when it will be late and a free one could be there so many seconds before it; 0: never.
    pub late_gain_s: u64,
    /// Great-circle distance times this is taken as the road's length.
    pub detour_factor: f64,
    /// Speed in km/h that travel times assume.
    pub speed_kmh: f64,
    /// A vehicle that will be free within so many seconds is considered too, and promised.
    pub look_ahead_s: u64,
    /// A second until a vehicle is free counts so much more than a second of travel.
    pub until_weight: f64,
    /// A second that a vehicle comes after the pickup window counts so much more than a second of travel.
    pub lateness_weight: f64,
    /// An empty kilometre counts as so many seconds of travel.
    pub empty_km_s: f64,
    /// An empty vehicle sent for a load counts as so many seconds, a half filled one half; a quarter for each skill nobody asked for.
    pub fit_s: f64,
    /// Each job an hour that a vehicle was given more than others counts as so many seconds.
    pub fairness_s: f64,
    /// Vehicles may be scarce when more than this share of them is asked for.
    pub scarce_share: f64,
    /// While they are, none is sent further than so many times a usual trip takes.
    pub patience_trips: f64,
    /// And so many seconds for each second of its trip a booking is worth less to serve now.
    pub trip_weight: f64,
    /// A job without a window is late when it is picked up so many seconds after the wanted time.
    pub late_after_s: u64,
    /// People are warned of a job that will be late by more than so many seconds.
    pub late_tolerance_s: u64,
    /// Days that the rounds' records are kept.
    pub keep_rounds_days: u32,
    /// Rounds whose inputs are kept, so that their plans can be made again; 10 KB each with 300 vehicles.
    pub keep_inputs: u32,
}

/// Reads a setting whose empty text means that there is none.
pub(super) fn or_empty<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(d: D) -> Result<Option<T>, D::Error> {
    // As it is kept it is null.
    let text = Option::<String>::deserialize(d)?.unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Default for Depot {
    fn default() -> Self {
        Self { name: "Depot".into(), zone: "UTC".into(), lat: 42.5077, lon: 1.5218, data_dir: "depotd-data".into(), keep_backups: 7 }
    }
}
impl Default for Http {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            max_connections: 1024,
            max_connections_per_address: 128,
            max_body_bytes: 1 << 20,
            header_timeout_s: 10,
            request_timeout_s: 30,
            behind_https: false,
            trusted_proxies: Vec::new(),
            public_url: String::new(),
        }
    }
}
impl Default for Mqtt {
    fn default() -> Self {
        Self {
            listen: Some(loopback(1883)),
            tls_listen: Some(SocketAddr::from(([0, 0, 0, 0], 8883))),
            tls_cert: None,
            tls_key: None,
            max_connections: 5_000,
            max_connections_per_address: 2_500,
            connect_timeout_s: 5,
            max_packet_bytes: 16 * 1024,
            max_subscribers: 250,
            max_filters: 8,
            max_inflight: 100,
            credential_cache_s: 3600,
            max_failures_per_minute: 30,
        }
    }
}
impl Default for Telemetry {
    fn default() -> Self {
        Self { max_speed_kmh: 250.0, max_future_s: 120, max_age_s: 86_400 }
    }
}
impl Default for Tracks {
    fn default() -> Self {
        Self { commit_window_ms: 1_000, commit_fixes: 2_000, queue_fixes: 50_000, retain_days: 90, retain_mib: 8_192 }
    }
}
impl Default for Fleet {
    fn default() -> Self {
        Self { mirror_interval_s: 15, max_vehicles: 200_000 }
    }
}
impl Default for Drivers {
    fn default() -> Self {
        Self { max_day_s: 36_000, max_week_s: 172_800, keep_days: 800 }
    }
}
impl Default for Bookings {
    fn default() -> Self {
        Self {
            expire_after_s: 3_600,
            recurring_ahead_days: 7,
            remind_before_s: vec![86_400, 3_600],
            keep_proofs_days: 180,
            import_max_lines: 5_000,
        }
    }
}
impl Default for Dispatch {
    fn default() -> Self {
        Self {
            automatic: true,
            gather_ms: 2_000,
            gather_most_ms: 5_000,
            retry_s: 5,
            fix_max_age_s: 300,
            candidates: 32,
            radius_m: 10_000.0,
            radius_grow_s: 15,
            max_radius_m: 30_000.0,
            lead_s: 900,
            slack_s: 300,
            offers: Offers::Off,
            offer_best: 3,
            offer_timeout_s: 30,
            decline_backoff_s: 300,
            silent_s: 300,
            late_gain_s: 300,
            detour_factor: 1.3,
            speed_kmh: 25.0,
            look_ahead_s: 110,
            until_weight: 2.2,
            lateness_weight: 1.0,
            empty_km_s: 5.0,
            fit_s: 60.0,
            fairness_s: 5.0,
            scarce_share: 0.33,
            patience_trips: 0.9,
            trip_weight: 0.12,
            late_after_s: 900,
            late_tolerance_s: 120,
            keep_rounds_days: 30,
            keep_inputs: 5_000,
        }
    }
}
