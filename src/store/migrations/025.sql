-- What is to be said to people and programs: what it is, and each delivery of it to one endpoint.
create table messages (id integer primary key autoincrement, subject text not null, body text not null, at integer not null) strict;
create table deliveries (
    number integer primary key autoincrement, id text not null unique,
    channel text not null check (channel in ('mail', 'webhook', 'gateway', 'message')),
    endpoint text not null, recipient text not null, booking_id text, event_seq integer,
    message_id integer not null references messages (id),
    state text not null check (state in ('waiting', 'sent', 'dead')),
    attempts integer not null check (attempts >= 0), next_at integer not null, last_error text,
    log text not null check (json_valid(log)),
    created_at integer not null, queued_at integer not null, done_at integer,
    check ((state = 'waiting') = (done_at is null))
) strict;
create index deliveries_due on deliveries (endpoint, next_at, number) where state = 'waiting';
create index deliveries_in_order on deliveries (endpoint, recipient, booking_id, number) where state = 'waiting';
create index deliveries_dead on deliveries (number) where state = 'dead';
create index deliveries_by_endpoint on deliveries (endpoint, number);
create index deliveries_done on deliveries (done_at) where done_at is not null;
create index deliveries_by_message on deliveries (message_id);

-- A report that a schedule sends by mail.
alter table schedules add column report text check (json_valid(report));
drop trigger outbox_schedules_update;
create trigger outbox_schedules_update
after update of name, kind, cron, zone, enabled, missed, attempts, backoff_s, report, version on schedules begin
    delete from outbox where source = 'schedules' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'schedules', json_array(new.id));
end;
