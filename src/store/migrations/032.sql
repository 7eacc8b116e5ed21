-- Another channel: browsers, by way of their push services. And what was to be said may be withdrawn before it is: a reminder of a
-- pickup that was called off meanwhile. A check is changed by a table of its own.
create table deliveries_again (
    number integer primary key autoincrement, id text not null unique,
    channel text not null check (channel in ('mail', 'webhook', 'gateway', 'message', 'push')),
    endpoint text not null, recipient text not null, booking_id text, event_seq integer,
    message_id integer not null references messages (id),
    state text not null check (state in ('waiting', 'sent', 'dead', 'withdrawn')),
    attempts integer not null check (attempts >= 0), next_at integer not null, last_error text,
    log text not null check (json_valid(log)),
    created_at integer not null, queued_at integer not null, done_at integer, rule_id text,
    check ((state = 'waiting') = (done_at is null))
) strict;
insert into deliveries_again select
    number, id, channel, endpoint, recipient, booking_id, event_seq, message_id, state, attempts, next_at, last_error, log, created_at,
    queued_at, done_at, rule_id from deliveries;
-- Numbers of what was forgotten are not given out again.
delete from sqlite_sequence where name = 'deliveries_again';
insert into sqlite_sequence (name, seq) select 'deliveries_again', seq from sqlite_sequence where name = 'deliveries';
drop table deliveries;
alter table deliveries_again rename to deliveries;
create index deliveries_due on deliveries (endpoint, next_at, number) where state = 'waiting';
create index deliveries_in_order on deliveries (endpoint, recipient, booking_id, number) where state = 'waiting';
create index deliveries_dead on deliveries (number) where state = 'dead';
create index deliveries_by_endpoint on deliveries (endpoint, number);
create index deliveries_done on deliveries (done_at) where done_at is not null;
create index deliveries_by_message on deliveries (message_id);
create index deliveries_by_rule on deliveries (rule_id, recipient, created_at) where rule_id is not null;

-- Browsers that are told though their page is closed. Each goes with the session that subscribed it.
create table push_subscriptions (
    id text primary key, session text not null unique references sessions (hash) on delete cascade,
    endpoint text not null unique, p256dh text not null, auth text not null, depot_key text not null, made_at integer not null
) strict;
