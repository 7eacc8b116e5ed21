-- The dispatcher asks how much was booked of late.
create index bookings_by_age on bookings (created_at);
