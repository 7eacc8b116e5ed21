-- What a dispatch round saw, so that its plan can be made again.
create table round_inputs (round integer primary key, at integer not null, inputs blob not null) strict;
