-- What was said to those at the console, among all that ever happened.
create index journal_staff_messages on journal (seq) where kind = 'message.sent' and vehicle_id is null;
