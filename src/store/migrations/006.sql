-- What the fleet's tracks taught: driving by vehicle class and hour of the day (depot time), fading.
create table speeds (
  class text not null,
  hour integer not null check (hour between 0 and 23),
  straight_m real not null check (straight_m >= 0),
  driven_s real not null check (driven_s >= 0),
  primary key (class, hour)
) strict, without rowid;

-- Jobs under way that people were warned of, with the lateness that they were told.
create table lateness (
  booking_id text primary key references bookings (id) on delete cascade,
  late_ms integer not null,
  at integer not null
) strict, without rowid;
