-- Which recurring booking made a booking.
alter table bookings add column recurrence_id text;
update bookings set recurrence_id = (select recurrence_id from recurrence_slots where booking_id = bookings.id)
    where id in (select booking_id from recurrence_slots where booking_id is not null);
