-- Head office's record of its depots. Filled by the depots' batches alone; read by whom you like.
create schema if not exists depotd;

create table depotd.depot (
    id text primary key, token_hash text, first_seen timestamptz not null default now(), last_seen timestamptz not null default now()
);

-- How far each lane of each depot is. An epoch begins with every depot that is made or restored.
create table depotd.lane_cursor (
    depot text not null, epoch text not null, lane text not null, epoch_from bigint not null, through bigint not null,
    records bigint not null default 0, updated_at timestamptz not null default now(), primary key (depot, epoch, lane)
);

create table depotd.event (
    depot text not null, epoch text not null, seq bigint not null, lane text not null, journal_seq bigint not null, at timestamptz not null,
    kind text not null, actor text not null, booking_id text, vehicle_id text, data json not null,
    primary key (depot, epoch, seq)
);
create index event_by_booking on depotd.event (booking_id, at) where booking_id is not null;
create index event_by_time on depotd.event (depot, at);

create table depotd.audit (
    depot text not null, epoch text not null, seq bigint not null, audit_seq bigint not null, at timestamptz not null, actor text not null,
    action text not null, object text not null, detail json not null, previous text not null, hash text not null,
    primary key (depot, epoch, seq)
);
create index audit_by_time on depotd.audit (depot, at);

create table depotd.round (
    depot text not null, epoch text not null, seq bigint not null, round_seq bigint not null, at timestamptz not null, booking_id text not null,
    record json not null, primary key (depot, epoch, seq)
);
create index round_by_booking on depotd.round (booking_id, at);

-- The rows that people decide over, each as it is now; `row` is null when it was deleted.
create table depotd.row (
    depot text not null, tbl text not null, key text not null, epoch text not null, seq bigint not null, row json,
    updated_at timestamptz not null default now(), primary key (depot, tbl, key)
);

create table depotd.gap (
    depot text not null, epoch text not null, lane text not null, first_seq bigint not null, last_seq bigint not null, reason text not null,
    noted_at timestamptz not null default now(), primary key (depot, epoch, lane, first_seq)
);

create table depotd.position (
    depot text not null, vehicle text not null, ts timestamptz not null, received timestamptz not null, lat double precision not null,
    lon double precision not null, speed_kmh real, course real, accuracy_m real, battery real, ignition boolean, status text,
    primary key (depot, vehicle)
);

-- What was taken of the history: a run is a vehicle's fixes of a quarter of an hour, or a part of it; `sum` adds up what the fixes
-- say, so that one that is changed or gone shows.
create table depotd.run (
    depot text not null, epoch text not null, seq bigint not null, vehicle text not null, first_ts timestamptz not null,
    last_ts timestamptz not null, fixes integer not null, digest bytea not null, sum bigint not null, primary key (depot, epoch, seq)
);
create index run_by_time on depotd.run (depot, first_ts);

-- The history itself, a partition a day.
create table depotd.fix (
    depot text not null, vehicle text not null, ts timestamptz not null, received timestamptz not null, lat double precision not null,
    lon double precision not null, speed_kmh real, course real, accuracy_m real, battery real, ignition boolean,
    flags smallint not null, extras json, epoch text not null, run_seq bigint not null
) partition by range (ts);
create index fix_by_vehicle on depotd.fix (depot, vehicle, ts);
-- Fixes of days that were more than 400 days over, or more than two to come, when they were sent. A table of its own, not a default
-- partition: what lies here is in no day's way when that day comes.
create table depotd.fix_stray (like depotd.fix);
create index fix_stray_by_run on depotd.fix_stray (depot, epoch, run_seq);
create index fix_stray_by_vehicle on depotd.fix_stray (depot, vehicle, ts);
-- Both.
create view depotd.fixes as select * from depotd.fix union all select * from depotd.fix_stray;

-- Orders to a depot, in the order in which it is to carry them out; `result` is what it said of them.
create table depotd.command (
    depot text not null, seq bigint not null, cmd_id text not null, body text not null, signature text not null,
    created_at timestamptz not null default now(), answered_at timestamptz, outcome text, result json,
    primary key (depot, seq), unique (depot, cmd_id)
);

-- Writes an order behind all others of the depot; numbers follow the clock, so that none is given out again when this database is
-- put back from a copy. `body` is the command, `signature` its Ed25519 signature in base64.
create function depotd.order_depot(to_depot text, id text, command text, sig text) returns bigint language plpgsql as $$
declare number bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('depotd.command ' || to_depot, 0));
    select greatest(coalesce(max(seq), 0) + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint) into number
    from depotd.command where depot = to_depot;
    insert into depotd.command (depot, seq, cmd_id, body, signature) values (to_depot, number, id, command, sig);
    return number;
end $$;

-- Parts of what digests are made over: a text with its length in front, and an instant in milliseconds since 1970.
create function depotd.part(said text) returns bytea language sql immutable parallel safe as
    $$ select int8send(octet_length(convert_to(said, 'UTF8'))::bigint) || convert_to(said, 'UTF8') $$;
create function depotd.millis(at timestamptz) returns bigint language sql stable parallel safe as
    $$ select round(extract(epoch from at) * 1000)::bigint $$;
-- Batches that JetStream is still to get, each lane in its order: see `depotd receive --nats`.
create table depotd.forward (
    id bigint generated always as identity primary key, depot text not null, epoch text not null, epoch_from bigint not null, lane text not null,
    first_seq bigint not null, last_seq bigint not null, records bigint not null, body bytea not null, stored_at timestamptz not null default now()
);
-- Packed already: packed again it would only cost.
alter table depotd.forward alter column body set storage external;
create index forward_by_lane on depotd.forward (depot, lane, id);

create view depotd.forwarding as
select depot, lane, count(*) as batches, sum(octet_length(body)) as bytes, min(stored_at) as oldest from depotd.forward group by 1, 2;

create view depotd.fleet_now as
select depot, vehicle, status, ts, now() - ts as age, lat, lon, speed_kmh, course, battery from depotd.position;

-- What a depot says as what it should be, or null: one depot's nonsense breaks no view for the others.
create function depotd.whole(said text) returns bigint language sql immutable parallel safe as
    $$ select case when said ~ '^-?[0-9]{1,18}$' then said::bigint end $$;
create function depotd.degrees(said text) returns float8 language sql immutable parallel safe as
    $$ select case when said ~ '^-?[0-9]{1,20}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$' then said::float8 end $$;
-- Milliseconds since 1970, before the year 2200.
create function depotd.moment(said text) returns timestamptz language sql immutable parallel safe as
    $$ select case when depotd.whole(said) between 0 and 7258118400000 then to_timestamp(depotd.whole(said) / 1000.0) end $$;

create view depotd.bookings as
select depot, row->>'id' as id, depotd.whole(row->>'number') as number, row->>'status' as status,
    depotd.moment(row->>'pickup_at') as pickup_at,
    depotd.moment(row->>'pickup_until') as pickup_until,
    depotd.degrees(row->>'pickup_lat') as pickup_lat, depotd.degrees(row->>'pickup_lon') as pickup_lon, row->>'pickup_address' as pickup_address,
    depotd.degrees(row->>'dropoff_lat') as dropoff_lat, depotd.degrees(row->>'dropoff_lon') as dropoff_lon, row->>'dropoff_address' as dropoff_address,
    row->>'customer' as customer, row->>'customer_reference' as reference, row->>'vehicle_id' as vehicle_id,
    depotd.whole(row->>'price_minor') as price_minor, row->>'currency' as currency,
    depotd.moment(row->>'created_at') as created_at,
    depotd.moment(row->>'assigned_at') as assigned_at,
    depotd.moment(row->>'picked_up_at') as picked_up_at,
    depotd.moment(row->>'delivered_at') as delivered_at,
    row->>'reason' as reason, depotd.whole(row->>'version') as version, 'B-' || (1000 + depotd.whole(row->>'number')) as ref
from depotd.row where tbl = 'bookings' and row is not null;

-- Of the bookings picked up on a day (UTC), how many were in time: within their window, or 15 minutes where they have none.
create view depotd.on_time as
select depot, (picked_up_at at time zone 'UTC')::date as day, count(*) as picked_up,
    count(*) filter (where picked_up_at <= coalesce(pickup_until, pickup_at + interval '15 minutes')) as in_time
from depotd.bookings where picked_up_at is not null group by 1, 2;

-- What is here of each depot, lane and day (UTC); `depotd sync verify` compares it with what the depot has.
create view depotd.reconciliation as
select depot, epoch, lane, day, count(*) as records, min(seq) as first_seq, max(seq) as last_seq from (
    select depot, epoch, lane, (at at time zone 'UTC')::date as day, seq from depotd.event
    union all select depot, epoch, 'bookings', (at at time zone 'UTC')::date, seq from depotd.audit
    union all select depot, epoch, 'dispatch', (at at time zone 'UTC')::date, seq from depotd.round
    union all select depot, epoch, 'history', (first_ts at time zone 'UTC')::date, seq from depotd.run
) as taken group by 1, 2, 3, 4;
