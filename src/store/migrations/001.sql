-- Everything that people decide. Times are milliseconds since 1970 UTC, ids are text, JSON is text.
create table meta (key text primary key, value text not null) strict, without rowid;

create table vehicles (
    id text primary key, class text not null, capacity_kg integer, skills text not null,
    on_duty integer not null check (on_duty in (0, 1)), created_at integer not null
) strict;

create table devices (
    id text primary key, vehicle_id text not null references vehicles (id), format text not null,
    secret_hash text not null, created_at integer not null, rotated_at integer, revoked_at integer
) strict;
create index devices_by_vehicle on devices (vehicle_id);

create table users (
    name text primary key collate nocase, role text not null, password_hash text not null,
    disabled integer not null default 0 check (disabled in (0, 1)), created_at integer not null
) strict;

create table sessions (
    hash text primary key, user text not null references users (name) on delete cascade,
    created_at integer not null, seen_at integer not null
) strict, without rowid;

create table tokens (
    id text primary key, hash text not null, name text not null, role text not null, scope text not null,
    created_at integer not null, expires_at integer, revoked_at integer, used_at integer
) strict;

create table keys (
    purpose text primary key, hash text not null, expires_at integer not null
) strict, without rowid;

create table bookings (
    number integer primary key autoincrement,
    id text not null unique,
    status text not null check (status in ('scheduled', 'waiting', 'offered', 'assigned', 'arrived',
        'picked_up', 'delivered', 'cancelled', 'failed', 'expired')),
    pickup_lat real not null, pickup_lon real not null, pickup_address text,
    dropoff_lat real not null, dropoff_lon real not null, dropoff_address text,
    pickup_at integer not null,
    vehicle_class text, load_kg integer, skills text not null, customer text, notes text,
    price_minor integer not null, currency text not null, distance_m integer not null, duration_s integer not null,
    vehicle_id text references vehicles (id), reason text,
    created_at integer not null, updated_at integer not null, assigned_at integer, arrived_at integer,
    picked_up_at integer, delivered_at integer, ended_at integer,
    version integer not null,
    check (status not in ('assigned', 'arrived', 'picked_up', 'delivered') or vehicle_id is not null)
) strict;
create index bookings_by_status on bookings (status, pickup_at);
create index bookings_by_pickup on bookings (pickup_at);
create unique index bookings_one_job_a_vehicle on bookings (vehicle_id) where status in ('assigned', 'arrived', 'picked_up');

create table quotes (
    id text primary key, request text not null, price_minor integer not null, currency text not null,
    distance_m integer not null, duration_s integer not null, expires_at integer not null
) strict, without rowid;
create index quotes_by_expiry on quotes (expires_at);

create table idempotency (
    actor text not null, key text not null, request_hash text not null, booking_id text not null, created_at integer not null,
    primary key (actor, key)
) strict, without rowid;
create index idempotency_by_age on idempotency (created_at);

create table journal (
    seq integer primary key autoincrement, at integer not null, kind text not null, actor text not null,
    booking_id text, vehicle_id text, data text not null
) strict;
create index journal_by_booking on journal (booking_id, seq) where booking_id is not null;
create index journal_by_vehicle on journal (vehicle_id, seq) where vehicle_id is not null;

create table audit (
    seq integer primary key autoincrement, at integer not null, actor text not null, action text not null,
    object text not null, detail text not null, previous text not null, hash text not null
) strict;

create table cursors (name text primary key, seq integer not null) strict, without rowid;

create table rounds (
    seq integer primary key autoincrement, booking_id text not null, at integer not null, record text not null
) strict;
create index rounds_by_booking on rounds (booking_id, seq);
create index rounds_by_age on rounds (at);
