-- Since when a vehicle has been on duty without a driver, among all that ever happened to it.
create index journal_duty_changes on journal (vehicle_id, seq) where kind = 'vehicle.duty_changed';
