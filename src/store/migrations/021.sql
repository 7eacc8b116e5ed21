-- What trips cost. A version of the tariff never changes; one that has not begun may be withdrawn.
create table tariffs (
    version integer primary key autoincrement, starts_at integer not null,
    tariff text not null check (json_valid(tariff)), made_by text not null, made_at integer not null, withdrawn_at integer
) strict;
-- What tariffs speak of, each one JSON document: zones, customers' contracts, promo codes.
create table documents (
    kind text not null check (kind in ('zone', 'contract', 'promo')), id text not null,
    document text not null check (json_valid(document)), created_at integer not null, updated_at integer not null, version integer not null,
    primary key (kind, id)
) strict, without rowid;
-- What the price of each booking is made of.
create table bills (
    booking_id text primary key, tariff integer not null, surge_per_mille integer not null, promo text,
    bill text not null check (json_valid(bill))
) strict, without rowid;
create index bills_by_promo on bills (promo) where promo is not null;
alter table quotes add column bill text check (json_valid(bill));

-- Another number after each change of tariffs and documents, so that whoever holds them in memory sees cheaply whether there are others. It
-- is random: a change that is taken back must not leave its number to the next one.
create table tariffs_revision (one integer primary key check (one = 1), number integer not null) strict;
insert into tariffs_revision (one, number) values (1, 0);
create trigger tariffs_revision_tariffs_insert after insert on tariffs begin update tariffs_revision set number = random(); end;
create trigger tariffs_revision_tariffs_update after update on tariffs begin update tariffs_revision set number = random(); end;
create trigger tariffs_revision_tariffs_delete after delete on tariffs begin update tariffs_revision set number = random(); end;
create trigger tariffs_revision_documents_insert after insert on documents begin update tariffs_revision set number = random(); end;
create trigger tariffs_revision_documents_update after update on documents begin update tariffs_revision set number = random(); end;
create trigger tariffs_revision_documents_delete after delete on documents begin update tariffs_revision set number = random(); end;

create trigger outbox_tariffs_insert after insert on tariffs begin
    delete from outbox where source = 'tariffs' and key = json_array(new.version);
    insert into outbox (lane, source, key) values (0, 'tariffs', json_array(new.version));
end;
create trigger outbox_tariffs_update after update on tariffs begin
    delete from outbox where source = 'tariffs' and key = json_array(new.version);
    insert into outbox (lane, source, key) values (0, 'tariffs', json_array(new.version));
end;
create trigger outbox_tariffs_delete after delete on tariffs begin
    delete from outbox where source = 'tariffs' and key = json_array(old.version);
    insert into outbox (lane, source, key) values (0, 'tariffs', json_array(old.version));
end;
create trigger outbox_documents_insert after insert on documents begin
    delete from outbox where source = 'documents' and key = json_array(new.kind, new.id);
    insert into outbox (lane, source, key) values (0, 'documents', json_array(new.kind, new.id));
end;
create trigger outbox_documents_update after update on documents begin
    delete from outbox where source = 'documents' and key = json_array(new.kind, new.id);
    insert into outbox (lane, source, key) values (0, 'documents', json_array(new.kind, new.id));
end;
create trigger outbox_documents_delete after delete on documents begin
    delete from outbox where source = 'documents' and key = json_array(old.kind, old.id);
    insert into outbox (lane, source, key) values (0, 'documents', json_array(old.kind, old.id));
end;
create trigger outbox_bills_insert after insert on bills begin
    delete from outbox where source = 'bills' and key = json_array(new.booking_id);
    insert into outbox (lane, source, key) values (0, 'bills', json_array(new.booking_id));
end;
create trigger outbox_bills_update after update on bills begin
    delete from outbox where source = 'bills' and key = json_array(new.booking_id);
    insert into outbox (lane, source, key) values (0, 'bills', json_array(new.booking_id));
end;
create trigger outbox_bills_delete after delete on bills begin
    delete from outbox where source = 'bills' and key = json_array(old.booking_id);
    insert into outbox (lane, source, key) values (0, 'bills', json_array(old.booking_id));
end;
