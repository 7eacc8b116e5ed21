-- What runs by the clock, and what came of it.
create table schedules (
    id text primary key, name text not null, kind text not null, cron text not null, zone text not null,
    enabled integer not null check (enabled in (0, 1)), missed text not null check (missed in ('skip', 'run_once')),
    attempts integer not null check (attempts between 1 and 10), backoff_s integer not null check (backoff_s >= 0),
    -- Slots up to here have been dealt with.
    dealt_until integer not null, created_at integer not null, updated_at integer not null, version integer not null
) strict;

create table schedule_runs (
    id integer primary key autoincrement,
    schedule_id text not null references schedules (id) on delete cascade,
    slot integer not null, attempt integer not null, trigger text not null check (trigger in ('cron', 'missed', 'retry', 'manual')),
    result text not null check (result in ('running', 'ok', 'failed', 'missed')),
    started_at integer not null, finished_at integer, message text,
    check ((result = 'running') = (finished_at is null))
) strict;
create unique index schedule_runs_once_a_slot on schedule_runs (schedule_id, slot, attempt);
create index schedule_runs_by_age on schedule_runs (started_at);
create index schedule_runs_open on schedule_runs (id) where result = 'running';
