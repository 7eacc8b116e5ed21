-- Who placed a booking.
alter table bookings add column origin text not null default 'depot' check (origin in ('depot', 'head_office'));

-- Head office's orders that the depot answered, each once; `digest` is the SHA-256 of the command as it was signed.
create table orders (
    number integer primary key autoincrement, cmd_id text not null unique, sink text not null, seq integer not null,
    kind text not null, target text, digest text not null, received_at integer not null,
    outcome text not null check (outcome in ('applied', 'rejected', 'expired')), reason text, detail text
) strict;

create trigger outbox_orders_insert after insert on orders begin
    delete from outbox where source = 'orders' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'orders', json_array(new.number));
end;
create trigger outbox_orders_update after update on orders begin
    delete from outbox where source = 'orders' and key = json_array(new.number);
    insert into outbox (lane, source, key) values (0, 'orders', json_array(new.number));
end;
create trigger outbox_orders_delete after delete on orders begin
    delete from outbox where source = 'orders' and key = json_array(old.number);
    insert into outbox (lane, source, key) values (0, 'orders', json_array(old.number));
end;
