-- A booking that no vehicle has by then is given up; what was placed before gets the hour that is the default.
alter table bookings add column expires_at integer not null default 0;
update bookings set expires_at = coalesce(pickup_until, pickup_at) + 3600000;
create index bookings_by_expiry on bookings (expires_at) where status in ('scheduled', 'waiting', 'offered');
