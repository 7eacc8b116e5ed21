//! The appliance as a process: who runs in this data directory, where it listens, how it tells systemd, how much it takes from one.

pub mod allowance;
pub mod certificates;
pub mod data_dir;
pub mod guesses;
pub mod host;
pub mod network;
pub mod notify;
pub mod run_file;
pub mod ticker;
