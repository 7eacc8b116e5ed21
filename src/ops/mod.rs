//! The appliance as a process: who runs in this data directory, where it listens, how it tells systemd.

pub mod certificates;
pub mod data_dir;
pub mod host;
pub mod network;
pub mod notify;
pub mod run_file;
pub mod ticker;
