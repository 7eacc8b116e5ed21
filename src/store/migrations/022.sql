-- What the bookings of the past taught about those to come, as JSON; the last alone is kept.
create table forecast (one integer primary key check (one = 1), made_at integer not null, model text not null check (json_valid(model))) strict;
