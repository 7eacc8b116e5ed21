-- In which order a depot's epochs began here: where a depot was rebuilt or restored, the epoch that began last is the depot.
create sequence depotd.epoch_order;
alter table depotd.lane_cursor add column begun bigint;
with first as (
    select c.depot, c.epoch, c.lane, row_number() over (order by coalesce(
        least((select e.at from depotd.event e where e.depot = c.depot and e.epoch = c.epoch order by e.seq limit 1),
            (select a.at from depotd.audit a where a.depot = c.depot and a.epoch = c.epoch order by a.seq limit 1)), c.updated_at)) as place
    from depotd.lane_cursor c
)
update depotd.lane_cursor c set begun = first.place from first
where c.depot = first.depot and c.epoch = first.epoch and c.lane = first.lane;
select setval('depotd.epoch_order', coalesce(max(begun), 0) + 1) from depotd.lane_cursor;
alter table depotd.lane_cursor alter column begun set default nextval('depotd.epoch_order'), alter column begun set not null;

-- From which number on an epoch does not count any more, for a later one began there. Lane bookings says so: it is sent first, and each
-- restore has something to say in it.
create view depotd.superseded as
select old.depot, old.epoch, min(new.epoch_from) as from_seq
from depotd.lane_cursor old join depotd.lane_cursor new on new.depot = old.depot and new.lane = old.lane and new.begun > old.begun
where old.lane = 'bookings' group by 1, 2;

-- A depot that never sent anything was never heard of.
alter table depotd.depot alter column last_seen drop not null, alter column last_seen drop default;
update depotd.depot d set last_seen = null
where not exists (select 1 from depotd.lane_cursor c where c.depot = d.id) and not exists (select 1 from depotd.position p where p.depot = d.id);
