-- Who is told what by which rule, and what is collected for one letter.
create table notification_rules (
    id text primary key, name text not null, enabled integer not null check (enabled in (0, 1)),
    rule text not null check (json_valid(rule)),
    since integer not null, created_at integer not null, updated_at integer not null, version integer not null
) strict;
alter table deliveries add column rule_id text;
create index deliveries_by_rule on deliveries (rule_id, recipient, created_at) where rule_id is not null;
create table digest_items (
    number integer primary key autoincrement, rule_id text not null references notification_rules (id) on delete cascade,
    recipient text not null, subject text not null, text text not null, at integer not null, due_at integer not null
) strict;
create index digest_items_due on digest_items (due_at);
create index digest_items_of on digest_items (rule_id, recipient, number);
