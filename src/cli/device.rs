//! `depotd device`: devices and their credentials.

use super::{Common, operator, table};
use crate::auth::{Auth, Credential, Device, NewDevice};
use crate::config::Config;
use crate::model::{DeviceId, VehicleId};
use crate::ops::host;
use crate::ops::run_file::Running;
use crate::telemetry::Format;
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a device, and its vehicle when there is none; prints the password this once.
    Add {
        /// 1 to 64 letters, digits, '.', '_' and '-'; also the MQTT user name.
        id: DeviceId,
        /// Its vehicle; the device's own id when absent.
        #[arg(long)]
        vehicle: Option<VehicleId>,
        /// native, owntracks or teltonika.
        #[arg(long, default_value = "native")]
        format: Format,
    },
    /// List the devices.
    List,
    /// Replace a device's password; prints the new one this once.
    Rotate {
        /// The device.
        id: DeviceId,
    },
    /// Refuse a device from now on; a running server ends its session within a second.
    Revoke {
        /// The device.
        id: DeviceId,
    },
}

/// Runs the command.
pub fn run(command: Command, common: &Common) -> Result<()> {
    let config = common.settings()?;
    common.with_auth(async |auth| match command {
        Command::Add { id, vehicle, format } => {
            let made = auth.add_device(NewDevice { id, vehicle, format }, operator()).await?;
            show(common, &config, &made);
            Ok(())
        }
        Command::Rotate { id } => {
            show(common, &config, &auth.rotate_device(&id, operator()).await?);
            Ok(())
        }
        Command::Revoke { id } => {
            auth.revoke_device(&id, operator()).await?;
            common.print(&json!({ "id": id, "revoked": true }), || format!("Device {id} is revoked."));
            Ok(())
        }
        Command::List => list(common, &auth).await,
    })
}

async fn list(common: &Common, auth: &Auth) -> Result<()> {
    let mut all: Vec<Device> = Vec::new();
    loop {
        let page = auth.devices(all.last().map(|d| d.id.clone()), 500).await?;
        let last = page.len() < 500;
        all.extend(page);
        if last {
            break;
        }
    }
    let row = |d: &Device| {
        let state = d.revoked_at.map_or("active".to_owned(), |at| format!("revoked {at}"));
        vec![d.id.to_string(), d.vehicle.to_string(), d.format.as_str().to_owned(), state]
    };
    let value: Vec<Value> = all
        .iter()
        .map(|d| json!({ "id": d.id, "vehicle": d.vehicle, "format": d.format, "created_at": d.created_at, "revoked_at": d.revoked_at }))
        .collect();
    let empty = "There is no device yet. Add one with: depotd device add ID";
    let rows: Vec<_> = all.iter().map(row).collect();
    common.print(&json!(value), || table(&["DEVICE", "VEHICLE", "FORMAT", "STATE"], &rows, empty));
    Ok(())
}

/// Where a device connects: to what the running server listens on, else to what is configured; where that is every address,
/// to the one that this machine reaches the network with.
fn servers(config: &Config) -> Vec<String> {
    let configured = (config.mqtt.listen.map(|at| format!("mqtt://{at}")), config.mqtt.tls_listen.map(|at| format!("mqtts://{at}")));
    let (plain, tls) = Running::read(&config.depot.data_dir).map_or(configured, |running| (running.mqtt, running.mqtts));
    let here = host::outward().unwrap_or(Ipv4Addr::LOCALHOST.into());
    let here = SocketAddr::new(here, 0).to_string();
    let here = here.trim_end_matches('0');
    let reachable = |url: String| url.replace("//0.0.0.0:", &format!("//{here}")).replace("//[::]:", &format!("//{here}"));
    plain.into_iter().chain(tls).map(reachable).collect()
}

fn show(common: &Common, config: &Config, made: &Credential) {
    let device = &made.device;
    let urls = servers(config);
    let value = json!({
        "id": device.id, "vehicle": device.vehicle, "format": device.format, "username": device.id, "password": made.password,
        "topics": made.topics, "mqtt": urls,
    });
    common.print(&value, || {
        format!(
            "Device {} reports for vehicle {}. This password is shown only now:\n\n  user name  {}\n  password   {}\n  publish    {}\n  subscribe  {}\n  server     {}",
            device.id,
            device.vehicle,
            device.id,
            made.password,
            made.topics.publish.join(" "),
            made.topics.subscribe.join(" "),
            urls.join(" "),
        )
    });
}
