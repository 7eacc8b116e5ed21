-- Where each idle vehicle was last advised to wait; seq is its entry in the journal.
create table advice (
    vehicle_id text primary key, seq integer not null, cell text not null,
    from_lat real not null, from_lon real not null, to_lat real not null, to_lon real not null,
    expected real not null, reason text not null, made_at integer not null, until integer not null, ended_at integer
) strict, without rowid;
-- Like what is late and who was reminded, that goes up after what people decide.
drop trigger outbox_journal;
create trigger outbox_journal after insert on journal begin
    insert into outbox (lane, source, key) values (
        case when new.kind in ('booking.late', 'booking.on_time', 'booking.reminder', 'vehicle.advised') then 1 else 0 end,
        'journal', json_array(new.seq)
    );
end;
-- What the last forecast said of hours to come, by H3 cell and under the empty name of everything; gone when it is counted what came.
create table forecast_hours (
    hour integer not null, cell text not null, p10 integer not null, p50 integer not null, p90 integer not null, primary key (hour, cell)
) strict, without rowid;
-- How forecasts went, summed up over the hours of a day.
create table forecast_days (
    day text not null, whose text not null check (whose in ('all', 'cells')), hours integer not null, requests integer not null,
    error integer not null, naive_hours integer not null, naive_error integer not null, covered integer not null, primary key (day, whose)
) strict, without rowid;
