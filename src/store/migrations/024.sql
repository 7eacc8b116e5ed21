-- Where each idle vehicle was last advised to wait; seq is its entry in the journal.
create table advice (
    vehicle_id text primary key, seq integer not null, cell text not null,
    from_lat real not null, from_lon real not null, to_lat real not null, to_lon real not null,
    expected real not null, reason text not null, made_at integer not null, until integer not null, ended_at integer
) strict, without rowid;
