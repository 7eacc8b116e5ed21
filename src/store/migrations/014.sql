-- What upstream is to be told, in order. Journal, audit and rounds have an entry for each of theirs; a row of the tables that
-- people decide over has one, that of its latest change: what was changed often is told once. `key` is the row's, as a JSON array.
create table outbox (
    seq integer primary key autoincrement, lane integer not null check (lane in (0, 1)), source text not null, key text not null
) strict;
create unique index outbox_one_a_row on outbox (source, key);
create index outbox_by_lane on outbox (lane, seq);

-- Which epoch an entry belongs to: the last one that began at or before it.
create table epochs (number integer primary key, epoch text not null unique, from_seq integer not null) strict;
insert into epochs (epoch, from_seq) select value, 1 from meta where key = 'epoch';

-- How far each sink has acknowledged each lane.
create table sink_cursors (
    sink text not null, lane text not null, through integer not null, acked_at integer not null,
    records integer not null, bytes integer not null, primary key (sink, lane)
) strict, without rowid;
-- Sinks that people paused.
create table sinks_paused (sink text primary key, at integer not null, actor text not null) strict, without rowid;

insert into outbox (lane, source, key) select case when kind in ('booking.late', 'booking.on_time', 'booking.reminder') then 1 else 0 end, 'journal', json_array(seq) from journal order by seq;
insert into outbox (lane, source, key) select 0, 'audit', json_array(seq) from audit order by seq;
insert into outbox (lane, source, key) select 1, 'rounds', json_array(seq) from rounds order by seq;
insert into outbox (lane, source, key) select 0, 'vehicles', json_array(id) from vehicles;
insert into outbox (lane, source, key) select 0, 'users', json_array(name) from users;
insert into outbox (lane, source, key) select 0, 'devices', json_array(id) from devices;
insert into outbox (lane, source, key) select 0, 'tokens', json_array(id) from tokens;
insert into outbox (lane, source, key) select 0, 'bookings', json_array(number) from bookings;
insert into outbox (lane, source, key) select 0, 'offers', json_array(id) from offers;
insert into outbox (lane, source, key) select 0, 'drivers', json_array(number) from drivers;
insert into outbox (lane, source, key) select 0, 'shifts', json_array(number) from shifts;
insert into outbox (lane, source, key) select 0, 'duties', json_array(number) from duties;
insert into outbox (lane, source, key) select 0, 'breaks', json_array(number) from breaks;
insert into outbox (lane, source, key) select 0, 'recurrences', json_array(id) from recurrences;
insert into outbox (lane, source, key) select 0, 'recurrence_slots', json_array(recurrence_id, date) from recurrence_slots;
insert into outbox (lane, source, key) select 0, 'schedules', json_array(id) from schedules;
insert into outbox (lane, source, key) select 0, 'daily_reports', json_array(day) from daily_reports;

create trigger outbox_journal after insert on journal begin
    insert into outbox (lane, source, key)
    values (case when new.kind in ('booking.late', 'booking.on_time', 'booking.reminder') then 1 else 0 end, 'journal', json_array(new.seq));
end;
create trigger outbox_audit after insert on audit begin
    insert into outbox (lane, source, key) values (0, 'audit', json_array(new.seq));
end;
create trigger outbox_rounds after insert on rounds begin
    insert into outbox (lane, source, key) values (1, 'rounds', json_array(new.seq));
end;
create trigger outbox_vehicles_insert after insert on vehicles begin
    delete from outbox where source = 'vehicles' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'vehicles', json_array(new.id));
end;
create trigger outbox_vehicles_update after update on vehicles begin
    delete from outbox where source = 'vehicles' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'vehicles', json_array(new.id));
end;
create trigger outbox_vehicles_delete after delete on vehicles begin
    delete from outbox where source = 'vehicles' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'vehicles', json_array(old.id));
end;
create trigger outbox_users_insert after insert on users begin
    delete from outbox where source = 'users' and key = json_array(new.name);
    insert into outbox (lane, source, key) values (0, 'users', json_array(new.name));
end;
create trigger outbox_users_update after update on users begin
    delete from outbox where source = 'users' and key = json_array(new.name);
    insert into outbox (lane, source, key) values (0, 'users', json_array(new.name));
end;
create trigger outbox_users_delete after delete on users begin
    delete from outbox where source = 'users' and key = json_array(old.name);
    insert into outbox (lane, source, key) values (0, 'users', json_array(old.name));
end;
create trigger outbox_devices_insert after insert on devices begin
    delete from outbox where source = 'devices' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'devices', json_array(new.id));
end;
create trigger outbox_devices_update after update on devices begin
    delete from outbox where source = 'devices' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'devices', json_array(new.id));
end;
create trigger outbox_devices_delete after delete on devices begin
    delete from outbox where source = 'devices' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'devices', json_array(old.id));
end;
create trigger outbox_tokens_insert after insert on tokens begin
    delete from outbox where source = 'tokens' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'tokens', json_array(new.id));
end;
create trigger outbox_tokens_update after update of hash, name, role, scope, expires_at, revoked_at on tokens begin
    delete from outbox where source = 'tokens' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'tokens', json_array(new.id));
end;
create trigger outbox_tokens_delete after delete on tokens begin
    delete from outbox where source = 'tokens' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'tokens', json_array(old.id));
end;
create trigger outbox_bookings_insert after insert on bookings begin
    delete from outbox where source = 'bookings' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'bookings', json_array(new.number));
end;
create trigger outbox_bookings_update after update on bookings begin
    delete from outbox where source = 'bookings' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'bookings', json_array(new.number));
end;
create trigger outbox_bookings_delete after delete on bookings begin
    delete from outbox where source = 'bookings' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'bookings', json_array(old.number));
end;
create trigger outbox_offers_insert after insert on offers begin
    delete from outbox where source = 'offers' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'offers', json_array(new.id));
end;
create trigger outbox_offers_update after update on offers begin
    delete from outbox where source = 'offers' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'offers', json_array(new.id));
end;
create trigger outbox_offers_delete after delete on offers begin
    delete from outbox where source = 'offers' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'offers', json_array(old.id));
end;
create trigger outbox_drivers_insert after insert on drivers begin
    delete from outbox where source = 'drivers' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'drivers', json_array(new.number));
end;
create trigger outbox_drivers_update after update on drivers begin
    delete from outbox where source = 'drivers' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'drivers', json_array(new.number));
end;
create trigger outbox_drivers_delete after delete on drivers begin
    delete from outbox where source = 'drivers' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'drivers', json_array(old.number));
end;
create trigger outbox_shifts_insert after insert on shifts begin
    delete from outbox where source = 'shifts' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'shifts', json_array(new.number));
end;
create trigger outbox_shifts_update after update on shifts begin
    delete from outbox where source = 'shifts' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'shifts', json_array(new.number));
end;
create trigger outbox_shifts_delete after delete on shifts begin
    delete from outbox where source = 'shifts' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'shifts', json_array(old.number));
end;
create trigger outbox_duties_insert after insert on duties begin
    delete from outbox where source = 'duties' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'duties', json_array(new.number));
end;
create trigger outbox_duties_update after update on duties begin
    delete from outbox where source = 'duties' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'duties', json_array(new.number));
end;
create trigger outbox_duties_delete after delete on duties begin
    delete from outbox where source = 'duties' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'duties', json_array(old.number));
end;
create trigger outbox_breaks_insert after insert on breaks begin
    delete from outbox where source = 'breaks' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'breaks', json_array(new.number));
end;
create trigger outbox_breaks_update after update on breaks begin
    delete from outbox where source = 'breaks' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'breaks', json_array(new.number));
end;
create trigger outbox_breaks_delete after delete on breaks begin
    delete from outbox where source = 'breaks' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'breaks', json_array(old.number));
end;
create trigger outbox_recurrences_insert after insert on recurrences begin
    delete from outbox where source = 'recurrences' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'recurrences', json_array(new.id));
end;
create trigger outbox_recurrences_update after update on recurrences begin
    delete from outbox where source = 'recurrences' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'recurrences', json_array(new.id));
end;
create trigger outbox_recurrences_delete after delete on recurrences begin
    delete from outbox where source = 'recurrences' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'recurrences', json_array(old.id));
end;
create trigger outbox_recurrence_slots_insert after insert on recurrence_slots begin
    delete from outbox where source = 'recurrence_slots' and key = json_array(new.recurrence_id, new.date);
    insert into outbox (lane, source, key) values (0, 'recurrence_slots', json_array(new.recurrence_id, new.date));
end;
create trigger outbox_recurrence_slots_update after update on recurrence_slots begin
    delete from outbox where source = 'recurrence_slots' and key = json_array(new.recurrence_id, new.date);
    insert into outbox (lane, source, key) values (0, 'recurrence_slots', json_array(new.recurrence_id, new.date));
end;
create trigger outbox_recurrence_slots_delete after delete on recurrence_slots begin
    delete from outbox where source = 'recurrence_slots' and key = json_array(old.recurrence_id, old.date);
    insert into outbox (lane, source, key) values (0, 'recurrence_slots', json_array(old.recurrence_id, old.date));
end;
create trigger outbox_schedules_insert after insert on schedules begin
    delete from outbox where source = 'schedules' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'schedules', json_array(new.id));
end;
create trigger outbox_schedules_update after update of name, kind, cron, zone, enabled, missed, attempts, backoff_s, version on schedules begin
    delete from outbox where source = 'schedules' and key = json_array(new.id);
    insert into outbox (lane, source, key) values (0, 'schedules', json_array(new.id));
end;
create trigger outbox_schedules_delete after delete on schedules begin
    delete from outbox where source = 'schedules' and key = json_array(old.id);
    insert into outbox (lane, source, key) values (0, 'schedules', json_array(old.id));
end;
create trigger outbox_daily_reports_insert after insert on daily_reports begin
    delete from outbox where source = 'daily_reports' and key = json_array(new.day);
    insert into outbox (lane, source, key) values (0, 'daily_reports', json_array(new.day));
end;
create trigger outbox_daily_reports_update after update on daily_reports begin
    delete from outbox where source = 'daily_reports' and key = json_array(new.day);
    insert into outbox (lane, source, key) values (0, 'daily_reports', json_array(new.day));
end;
create trigger outbox_daily_reports_delete after delete on daily_reports begin
    delete from outbox where source = 'daily_reports' and key = json_array(old.day);
    insert into outbox (lane, source, key) values (0, 'daily_reports', json_array(old.day));
end;
