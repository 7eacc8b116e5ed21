-- The dispatcher asks how much each vehicle had to do of late.
create index bookings_by_assignment on bookings (assigned_at) where assigned_at is not null;
