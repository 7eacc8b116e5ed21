-- Demand's factors on prices as they were when one changed last, by class of vehicles; the empty class stands for trips that ask for none.
create table surges (class text primary key, factors text not null check (json_valid(factors))) strict, without rowid;

-- What demand did to prices, in the sums by hour. What was summed up before is put in where it belongs, not made again: that would need
-- the fixes of long ago.
alter table rollups add column surged integer not null default 0;
alter table rollups add column surge_above integer not null default 0;
alter table rollups add column surge_minor integer not null default 0;
update facts set fact = json_set(fact, '$.parts[0]', json_patch(json_extract(fact, '$.parts[0]'), json_object(
    'surged', iif(surge_per_mille > 1000, 1, null),
    'surge_above', nullif(surge_per_mille - 1000, 0),
    'surge_minor', iif(json_extract(fact, '$.parts[0].delivered') = 1, nullif((select ifnull(sum(line.value ->> 'amount_minor'), 0)
        from json_each(bill, '$.lines') as line where line.value ->> 'kind' = 'surge'), 0), null)
))) from bills where source = 'booking' and id = booking_id;
update rollups set surged = rollups.surged + added.surged, surge_above = rollups.surge_above + added.surge_above,
    surge_minor = rollups.surge_minor + added.surge_minor
from (
    with told as (
        select fact, fact ->> '$.currency' as currency, fact ->> '$.parts[0].hour' as hour, ifnull(fact ->> '$.parts[0].surged', 0) as surged,
            ifnull(fact ->> '$.parts[0].surge_above', 0) as surge_above, ifnull(fact ->> '$.parts[0].surge_minor', 0) as surge_minor
        from facts where source = 'booking'
    ), by_key as (
        select 'all' as dimension, '' as key, told.* from told
        union all select key.value ->> '$[0]', key.value ->> '$[1]', told.* from told, json_each(told.fact, '$.keys') as key
    )
    select dimension, key, hour, currency, sum(surged) as surged, sum(surge_above) as surge_above, sum(surge_minor) as surge_minor
    from by_key group by dimension, key, hour, currency
) as added
where rollups.dimension = added.dimension and rollups.key = added.key and rollups.hour = added.hour and rollups.currency = added.currency;
