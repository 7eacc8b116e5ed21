-- Photos and signatures that drivers bring home; of nobody's delivery until a step names them.
create table attachments (
    id text primary key, media text not null, bytes blob not null, actor text not null, at integer not null, booking_id text
) strict;
create index attachments_of on attachments (booking_id, at) where booking_id is not null;
create index attachments_left on attachments (actor, at) where booking_id is null;
