-- What vehicles carry besides weight, and how often their data was changed.
alter table vehicles add column capacity_m3 real;
alter table vehicles add column capacity_pieces integer;
alter table vehicles add column version integer not null default 1;
