-- What the PINs are made of that customers tell drivers.
create table pin_key (id integer primary key check (id = 1), key blob not null check (length(key) = 32)) strict;
insert into pin_key (id, key) values (1, randomblob(32));
