-- Drivers are asked, and people may keep the dispatcher away from a booking.
alter table bookings add column locked integer not null default 0 check (locked in (0, 1));

create table offers (
    id integer primary key autoincrement,
    booking_id text not null references bookings (id), vehicle_id text not null references vehicles (id),
    state text not null check (state in ('open', 'accepted', 'declined', 'timed_out', 'withdrawn', 'taken_back')),
    offered_at integer not null, expires_at integer not null, answered_at integer, reason text,
    check ((state = 'open') = (answered_at is null))
) strict;
create unique index offers_one_question_a_vehicle on offers (vehicle_id) where state = 'open';
create index offers_open on offers (expires_at) where state = 'open';
create index offers_by_booking on offers (booking_id, id);
create index offers_refused on offers (answered_at) where state in ('declined', 'timed_out', 'taken_back');
