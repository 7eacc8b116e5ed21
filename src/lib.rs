//! depotd: a depot's fleet appliance in one binary. This page is the map of the house.
//!
//! Nouns own state, verbs change it, adapters carry it. There are three kinds of truth: what people decide lives in
//! `ops.db` ([`store`]), what vehicles report lives in `tracks.db` ([`tracks`]), and where everyone is now lives in memory
//! ([`fleet`]) and can always be put together again from the other two.
//!
//! # Floors
//! A room names only rooms on lower floors; `tests/floors.rs` keeps it so.
//!
//! | floor | rooms |
//! |---|---|
//! | programs | [`cli`]: one file per command |
//! | wiring | [`app`]: opens, loads, binds, runs named tasks, stops; [`receive`]: head office's end of the line |
//! | pages and API | [`web`]; [`replay`] plays a day through dispatch: one that was, with those who were on duty, under another policy, or one to come |
//! | work that goes on by itself | [`demand`]: who waits, who is free, what to expect, what that does to prices; [`dispatch`], [`mqtt`], [`sim`]; [`upstream`]: lanes to sinks; [`analytics`]: what happened, in figures; [`notify`]: what is said to people and programs |
//! | lines to the cab | [`cab`]: what vehicles are told and what their drivers say, whatever line it comes by |
//! | use cases over these | [`drivers`]: who they are, duty with its breaks and hours, shifts; [`links`]: how whoever has one follows a booking; [`schedules`]: cron rules and their runs; [`orders`]: what head office orders, carried out once; [`ingest`]: the one way in for fixes |
//! | use cases | [`bookings`] (also recurring ones, [`bookings::recurrences`]), [`registry`] (vehicles), [`auth`] (users, tokens, devices), [`backups`], [`sync`] (how far the line is), [`settings`] (what may change of them while depotd runs) |
//! | what trips cost here | [`tariffs`]: versions of the tariff, and what they speak of |
//! | state | [`store`], [`tracks`], [`fleet`]; [`eta`]: how long ways take; [`office`]: head office's record in PostgreSQL |
//! | pure | [`pricing`], [`zones`], [`forecast`] |
//! | helpers | [`telemetry`] (bytes to fixes, pure), [`batch`] (records to batches and back, commands and their signatures), [`fields`] (requests read, every fault told), [`ops`] (lock, run.json, certificates, systemd), [`patience`] (with services that fail) |
//! | ground | [`clock`], [`config`] (as read at the start, and [`config::Current`]: as it is in effect now) |
//! | words | [`model`] |
//!
//! # A fix, from the socket to the map
//! A device's session in [`mqtt`] asks whether it may publish there; a phone or a driver's app comes to [`web`], by request or
//! over Socket.IO. From there on all take one way, an [`ingest::Intake`]: it decodes the payload ([`telemetry::decode_into`]) and
//! judges it ([`telemetry::Filter`]). [`tracks::Tracks::append_all`] puts it into the next group commit; once that is on the disk
//! the sender gets its acknowledgement. [`fleet::Fleet::observe_all`] makes it the vehicle's latest position. Nobody is called
//! about it: the live view ([`web::live`]) asks [`fleet::Fleet::changed_since`] four times a second, and sends one encoded frame
//! to all sockets.
//!
//! # A booking, from the POST to the delivery
//! A handler in [`web`] reads the request and calls [`bookings::Bookings::place`]: the row, its journal entry and its audit
//! row are one transaction, and 201 follows it. The journal's head moves ([`store::Db::head`]), and whoever follows the
//! journal wakes: [`dispatch`] gathers what waits, lets the pure [`dispatch::plan`] match it with free vehicles and commits
//! what it says; [`mqtt`] and [`web`] send the vehicle what [`cab`] finds for it there until that has acknowledged it;
//! [`web::live`] shows it. Steps come back over MQTT, Socket.IO or HTTP and go through [`bookings::Bookings::step`]. A start, a tick
//! and a wake are one path: everybody reads on from where it was.
//!
//! A phone without a line keeps its steps and sends them later, with what proves the delivery before them
//! ([`bookings::Bookings::attach`]); [`bookings::Bookings::step_once`] takes each under the phone's own key, once.
//!
//! How long ways take is asked of a chain, [`eta`], by quotes and rounds alike; [`dispatch::live`] watches over the jobs under way, shows on
//! [`bookings::etas`] when they will be done and warns in the journal of those that will be late.
//!
//! # A driver, from going on duty to spent hours
//! [`drivers::Drivers::set_duty`] writes the duty; two unique indexes keep one driver to one vehicle. The journal's entry makes
//! [`dispatch::availability`] look at the vehicle: [`drivers::crew`] says who is on duty and whether he may be given work, and
//! [`fleet::Fleet::register`] adds his skills to the vehicle's. A break is an entry too; spent hours are not, so the vehicle is
//! looked at again when they may be over. A round finds the reason beside the vehicle and records it.
//!
//! # A record, from a commit to head office
//! Triggers put every journal entry, audit entry, round and changed row into the outbox ([`store::outbox`]) in the transaction that
//! makes it. A [`upstream::Line`] per sink asks the sink how far it is, lets [`upstream::Outgoing`] read on from there, packs a
//! [`batch::Batch`], and moves its cursor when the sink says that the batch is stored. `depotd receive` and the `postgres` sink
//! store it the same way, in [`office`]: records and cursor in one transaction. After a restore a line first learns
//! again what head office was told since ([`store::relearn`]); a new box is built from its record ([`store::rebuild`]). [`sync`] is
//! where people see and steer all of it.
//!
//! # A tracking link, from its making to its page
//! [`links::Links::make`] keeps the hash of a random secret and gives the secret away. Whoever asks `/track/{secret}` passes the limits of
//! [`links::Links::look`]; the booking, its estimate, its vehicle's latest fix and the entry of its delivery become a [`links::Glimpse`],
//! which is all that [`web`] sees: what it leaves out cannot be shown.
//!
//! # A delivery, from its step to the month's figures
//! [`analytics::Rollups`] follows the journal. For each booking and duty that an entry names it tells a [`analytics::fact`] anew from
//! the row as it stands, takes away what that one added before and adds what it adds now: sums by hour in [`store::rollups`], one
//! transaction with its cursor. [`analytics::figures`] asks them; what still goes on is added to the answer.
//!
//! # A price, from the tariff to the bill
//! Within the transaction that keeps a quote or a booking, [`tariffs::Tariffs::price`] looks whether its [`tariffs::Book`] is still
//! what counts, puts the order, its way, zones, contract, promo code and demand's factor into a [`pricing::Trip`], and the pure
//! [`pricing::price()`] makes the lines; they are the [`tariffs::Bill`]. [`tariffs::Tariffs::waited`] adds what the pickup's
//! waiting costs. [`demand::Demand::look`] keeps the factors, by what waits, who is free and what the [`forecast`] expects, which a
//! schedule learns from the bookings. By the same forecast [`demand::Demand::advise`] tells idle vehicles where to wait: an entry of
//! the journal, which [`mqtt`] sends on.
//!
//! # A word, from the journal to whom it is for
//! [`notify::Follower`] follows the journal. What webhooks want to hear of an entry, and what rules say of it to people, are rows of
//! deliveries in one transaction with its cursor; programs that listen to [`mqtt`] hear the same at once. [`notify::Sender`] takes what
//! is due of each endpoint in the order of its booking, withdraws what is not true any more, says the rest by mail, to a webhook, a
//! gateway or a browser's push service, and writes down what came of it; a message to a driver is another entry, which [`mqtt`]
//! carries. Drivers whose phone is subscribed are told of their work by push as well, without a rule. A reminder is an entry too
//! ([`bookings::Bookings::remind_due`]).
//!
//! # A setting, from head office to the next quote
//! [`settings::Settings`] lays what head office sent over what depotd was started with, and over that what people set for a while.
//! What comes of it is in [`config::Current`], which the rooms that read tariff, dispatch, bookings and drivers ask each time. A
//! change is rows and a journal entry; the journal's head makes [`settings::Settings::run`] look, also when a command wrote it.
//! A round holds on to the settings of its begin and records them.
//!
//! # An order, from head office to its answer
//! While it is connected, the line of the sink that has orders asks for those after the last one it dealt with and hands them to
//! [`orders::Orders::take`]: the signature, then the command ([`batch::Command`]), then in one transaction the same functions that the
//! API's use cases end in, the answer in the journal and the cursor. The answer goes up with lane `bookings`.
//!
//! # Where to add what
//! - A route: a handler beside its noun in [`web`], a line in [`web::routes`], a line in [`web::access::GATES`]. Tests
//!   compare the three.
//! - A payload format: a decoder in [`telemetry`] and its name in [`telemetry::Format`].
//! - What a vehicle is told: an event's command in `cab/commands.rs`, a paragraph in `docs/mqtt.md`.
//! - A follower of the journal: read with [`store::journal::after`] from a cursor of your own, wait on [`store::Db::head`],
//!   start it in [`app::App::start`] and let it say how far it is, so that tests can wait for it.
//! - A dispatch policy to compare with: a name in [`replay::policy`]; what serving a booking is worth is in [`dispatch::plan`].
//! - A source of travel times: a link of the chain in [`eta::Etas::drives`], and its name on the wire.
//! - What others may hear of: a line in [`notify::catalogue`]; a new noun: who may, in `mqtt/neighbours.rs`. A placeholder: a line in [`notify::template`], what it says in
//!   `notify/words.rs`. A channel: a kind in [`model::Channel`], a file in [`notify`], an arm in `notify/send.rs`.
//! - What a schedule can do: a kind in [`model::ScheduleKind`], a line in `app/actions.rs`.
//! - A sink: a file in [`upstream::sink`] that implements [`upstream::sink::Sink`], its scheme in [`config::SinkKind`].
//! - A table that head office is to know: its triggers in a migration, its name in [`store::outbox::TABLES`].
//! - A kind of order: a row of `Act::read` and of `Act::run` in `orders/act.rs`, a line in `docs/upstream.md`.
//! - A setting: a field with its words in [`config`], a line in `config.toml`; one that may change while depotd runs is read from
//!   [`config::Current`] each time, has bounds in `config/live.rs` and a line in `settings/keys.rs`.
//! - A command: a file in [`cli`].

pub mod analytics;
pub mod app;
pub mod auth;
pub mod backups;
pub mod batch;
pub mod bookings;
pub mod cab;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demand;
pub mod dispatch;
pub mod drivers;
pub mod eta;
pub mod fields;
pub mod fleet;
pub mod forecast;
pub mod ingest;
pub mod links;
pub mod model;
pub mod mqtt;
pub mod notify;
pub mod office;
pub mod ops;
pub mod orders;
pub mod patience;
pub mod pricing;
pub mod receive;
pub mod registry;
pub mod replay;
pub mod schedules;
pub mod settings;
pub mod sim;
pub mod store;
pub mod sync;
pub mod tariffs;
pub mod telemetry;
pub mod tracks;
pub mod upstream;
pub mod web;
pub mod zones;
