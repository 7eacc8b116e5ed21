-- What is summed up by hour: see analytics::rollups. An hour begins when it does in the depot's zone.
create table rollups (
    dimension text not null, key text not null, hour integer not null, currency text not null,
    bookings integer not null, delivered integer not null, cancelled integer not null, failed integer not null, expired integer not null,
    assigned integer not null, assign_s integer not null, pickups integer not null, wait_s integer not null, on_time integer not null,
    stops integer not null, stop_s integer not null,
    empty_m integer not null, loaded_m integer not null, busy_s integer not null, duty_s integer not null, revenue_minor integer not null,
    primary key (dimension, key, hour, currency)
) strict, without rowid;
create index rollups_by_hour on rollups (dimension, hour);
-- What each booking and duty added to them, so that exactly that is taken away when it changes.
create table facts (source text not null, id text not null, fact text not null, primary key (source, id)) strict, without rowid;
-- The facts whose sums go by the hours of another zone are of no use.
create table rollups_zone (one integer primary key check (one = 1), zone text not null) strict;
create index duties_by_vehicle on duties (vehicle_id, from_at);
