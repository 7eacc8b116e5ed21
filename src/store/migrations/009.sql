-- Drivers, when they are meant to work, and when they did.
create table drivers (
    number integer primary key autoincrement, name text not null, phone text, email text, skills text not null,
    user text unique collate nocase references users (name), max_day_s integer, max_week_s integer,
    active integer not null check (active in (0, 1)), created_at integer not null, updated_at integer not null,
    version integer not null
) strict;

create table shifts (
    number integer primary key autoincrement, driver integer not null references drivers (number) on delete cascade,
    vehicle_id text references vehicles (id), from_at integer not null, until_at integer not null,
    pause_from integer, pause_until integer, version integer not null,
    check (from_at < until_at), check ((pause_from is null) = (pause_until is null))
) strict;
create index shifts_by_time on shifts (from_at, number);
create index shifts_by_driver on shifts (driver, from_at);

create table duties (
    number integer primary key autoincrement, driver integer not null references drivers (number) on delete cascade,
    vehicle_id text not null references vehicles (id), from_at integer not null, until_at integer
) strict;
create unique index duties_one_vehicle_a_driver on duties (driver) where until_at is null;
create unique index duties_one_driver_a_vehicle on duties (vehicle_id) where until_at is null;
create index duties_by_driver on duties (driver, number);

create index duties_by_end on duties (until_at);

create table breaks (
    number integer primary key autoincrement, duty integer not null references duties (number) on delete cascade,
    from_at integer not null, until_at integer
) strict;
create unique index breaks_one_a_duty on breaks (duty) where until_at is null;
create index breaks_by_duty on breaks (duty, number);
