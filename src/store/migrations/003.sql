-- What else an order may say. Contacts and stops are JSON.
alter table bookings add column pickup_until integer;
alter table bookings add column dropoff_from integer;
alter table bookings add column dropoff_until integer check ((dropoff_from is null) = (dropoff_until is null));
alter table bookings add column load_m3 real;
alter table bookings add column pieces integer;
alter table bookings add column stops text not null default '[]';
alter table bookings add column pickup_contact text;
alter table bookings add column dropoff_contact text;
alter table bookings add column customer_reference text;
alter table bookings add column priority text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent'));
