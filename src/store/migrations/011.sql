-- Bookings that come again and again, and what became of each of their local days: one row a day, so one booking a day.
create table recurrences (
    id text primary key, rule text not null, start_date text not null, start_time text not null, zone text not null,
    missing_hour text check (missing_hour in ('earlier', 'later', 'skip')),
    repeated_hour text check (repeated_hour in ('first', 'second')),
    window_minutes integer, template text not null, paused integer not null check (paused in (0, 1)),
    active_since integer not null, created_at integer not null, updated_at integer not null, version integer not null,
    look_at integer, looked_at integer not null
) strict;
create index recurrences_by_look on recurrences (look_at) where paused = 0;

create table recurrence_slots (
    recurrence_id text not null references recurrences (id) on delete cascade, date text not null,
    outcome text not null check (outcome in ('placed', 'skipped', 'missed', 'undecided')), booking_id text,
    primary key (recurrence_id, date)
) strict, without rowid;

-- A key may stand for more than a booking.
alter table idempotency rename column booking_id to object;
