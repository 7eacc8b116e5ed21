-- What was said ahead of a pickup: once for each booking, offset and time of the pickup.
create table reminders (
    booking_id text not null references bookings (id) on delete cascade,
    before_s integer not null,
    pickup_at integer not null,
    primary key (booking_id, before_s, pickup_at)
) strict, without rowid;

-- How the depot would get through a day to come.
create table day_plans (day text primary key, made_at integer not null, plan text not null) strict, without rowid;

-- What came of a day.
create table daily_reports (day text primary key, made_at integer not null, report text not null) strict, without rowid;
