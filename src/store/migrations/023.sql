-- Demand's factors on prices as they were when one changed last, by class of vehicles; the empty class stands for trips that ask for none.
create table surges (class text primary key, factors text not null check (json_valid(factors))) strict, without rowid;
