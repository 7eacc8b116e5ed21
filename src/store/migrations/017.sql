-- For how many rounds a record held, and when the last of them was; of what was kept before, nobody counted.
alter table rounds add column rounds integer check (rounds >= 1);
alter table rounds add column until integer check ((rounds is null) = (until is null));
