-- Settings over those that depotd was started with: what head office sent, and over that what people set for a while.
create table settings_from_above (
    key text primary key, value text not null check (json_valid(value)), cmd_id text not null, at integer not null
) strict, without rowid;
create table settings_overrides (
    key text primary key, value text not null check (json_valid(value)), until integer not null,
    actor text not null, reason text not null, at integer not null
) strict, without rowid;
-- Counts their changes, so that whoever holds them in memory sees cheaply whether there are others.
create table settings_revision (one integer primary key check (one = 1), number integer not null) strict;
insert into settings_revision (one, number) values (1, 0);
-- What the server that runs, or ran last, was started with, as one JSON object: for commands, which may see other files.
create table settings_base (one integer primary key check (one = 1), base text not null check (json_valid(base))) strict;

create trigger outbox_settings_from_above_insert after insert on settings_from_above begin
    delete from outbox where source = 'settings_from_above' and key = json_array(new.key);
    insert into outbox (lane, source, key) values (0, 'settings_from_above', json_array(new.key));
end;
create trigger outbox_settings_from_above_update after update on settings_from_above begin
    delete from outbox where source = 'settings_from_above' and key = json_array(new.key);
    insert into outbox (lane, source, key) values (0, 'settings_from_above', json_array(new.key));
end;
create trigger outbox_settings_from_above_delete after delete on settings_from_above begin
    delete from outbox where source = 'settings_from_above' and key = json_array(old.key);
    insert into outbox (lane, source, key) values (0, 'settings_from_above', json_array(old.key));
end;
create trigger outbox_settings_overrides_insert after insert on settings_overrides begin
    delete from outbox where source = 'settings_overrides' and key = json_array(new.key);
    insert into outbox (lane, source, key) values (0, 'settings_overrides', json_array(new.key));
end;
create trigger outbox_settings_overrides_update after update on settings_overrides begin
    delete from outbox where source = 'settings_overrides' and key = json_array(new.key);
    insert into outbox (lane, source, key) values (0, 'settings_overrides', json_array(new.key));
end;
create trigger outbox_settings_overrides_delete after delete on settings_overrides begin
    delete from outbox where source = 'settings_overrides' and key = json_array(old.key);
    insert into outbox (lane, source, key) values (0, 'settings_overrides', json_array(old.key));
end;
