-- Links by which whoever has one follows one booking without signing in, each known by the hash of its secret. One that is revoked is gone.
create table links (
    id text primary key, hash text not null unique, booking_id text not null references bookings (id),
    language text check (language in ('en', 'de', 'es', 'fr', 'pt', 'ca')),
    made_by text not null, made_at integer not null, expires_at integer
) strict, without rowid;
create index links_by_booking on links (booking_id, made_at);
