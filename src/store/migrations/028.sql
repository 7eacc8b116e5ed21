-- Programs of others that are told what happens. Secrets are sealed with a key that is not in this file.
create table webhooks (
    id text primary key, name text not null, url text not null, events text not null check (json_valid(events)),
    state text not null check (state in ('on', 'paused', 'disabled')), reason text, failing_since integer,
    secret text not null, old_secret text, old_until integer,
    since integer not null, created_at integer not null, updated_at integer not null, version integer not null,
    check ((old_secret is null) = (old_until is null))
) strict;
