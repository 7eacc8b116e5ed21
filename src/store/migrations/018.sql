-- What came of the last time that the bookings of a recurring one were to be placed.
alter table recurrences add column last_at integer;
alter table recurrences add column last_placed integer check (last_placed >= 0);
alter table recurrences add column last_fault text;
