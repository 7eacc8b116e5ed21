-- A customer's people and programs see what is theirs: by the name that bookings and contracts have.
alter table users add column customer text;
alter table tokens add column customer text;
create index bookings_by_customer on bookings (customer, number) where customer is not null;
