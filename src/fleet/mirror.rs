//! The fleet's copy on disk, `fleet.redb`: so that a start need not read a day of fixes.
//!
//! It says up to which chunk of which fix log it goes. When it is of another log, of another schema, or cannot be read, it
//! is set aside and made anew from the log: it is never the only copy of anything.

use super::{Fleet, View};
use crate::model::{Fix, Flags, Place, Timestamp, VehicleId};
use h3o::{LatLng, Resolution};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name in the data directory.
pub const NAME: &str = "fleet.redb";
const SCHEMA: u64 = 1;
/// Cells that the table `cells` is by.
const CELLS: Resolution = Resolution::Seven;

/// Vehicle id to its last position, as JSON.
const LAST: TableDefinition<'_, &str, &str> = TableDefinition::new("last");
/// (H3 cell, vehicle id): who is in a cell.
const IN_CELL: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("cells");
/// `epoch` (16 bytes), `chunk` and `schema` (8 bytes, little endian).
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Why the mirror cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What redb reports.
    #[error("fleet.redb: {0}")]
    Redb(Box<redb::Error>),
    /// It holds what this program does not write.
    #[error("fleet.redb: {0}")]
    Strange(&'static str),
}

impl<E: Into<redb::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Redb(Box::new(error.into()))
    }
}

/// The open mirror. Belongs to the one task that writes it; its calls block.
pub struct Mirror {
    db: Database,
    epoch: [u8; 16],
    rev: u64,
    /// The chunk to write with the next batch: what was in the log at the last one, so that all of it has been observed since.
    settled: i64,
    /// The chunk that the file says it goes up to.
    written: i64,
}

/// How the mirror was found.
#[derive(Debug)]
pub enum Found {
    /// In order; the fixes after this chunk are to be replayed.
    UpTo(i64),
    /// There was none; all of the log's recent fixes are to be replayed.
    Nothing,
    /// Set aside under this name, for this reason; as if there had been none.
    SetAside(PathBuf, String),
}

impl Found {
    /// The chunk after which the log is to be replayed.
    pub fn replay_after(&self) -> i64 {
        match self {
            Self::UpTo(chunk) => *chunk,
            Self::Nothing | Self::SetAside(..) => 0,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Last {
    ts: i64,
    received: i64,
    lat: f64,
    lon: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    course: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignition: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    battery: Option<f32>,
    #[serde(default)]
    flags: u8,
}

impl Last {
    fn of(view: &View) -> Option<Self> {
        let place = view.place?;
        Some(Self {
            ts: view.fix_ts?.as_millis(),
            received: view.received?.as_millis(),
            lat: place.lat(),
            lon: place.lon(),
            speed: view.speed_kmh,
            course: view.course,
            accuracy: view.accuracy_m,
            ignition: view.ignition,
            battery: view.battery,
            flags: view.flags.bits(),
        })
    }
    fn place(&self) -> Option<Place> {
        Place::new(self.lat, self.lon).ok()
    }
    fn fix(&self, vehicle: VehicleId) -> Option<Fix> {
        Some(Fix {
            vehicle,
            ts: Timestamp::from_millis(self.ts),
            received: Timestamp::from_millis(self.received),
            place: self.place()?,
            speed_kmh: self.speed,
            course: self.course,
            accuracy_m: self.accuracy,
            ignition: self.ignition,
            battery: self.battery,
            flags: Flags::from_bits(self.flags),
            extras: None,
        })
    }
}

fn cell(place: Place) -> Option<u64> {
    LatLng::new(place.lat(), place.lon()).ok().map(|at| at.to_cell(CELLS).into())
}

impl Mirror {
    /// Opens the mirror in `dir` and puts what it holds into `fleet`, when it is of the fix log of `epoch` and does not go
    /// beyond that log's `last_chunk`. The caller then replays the log from [`Found::replay_after`].
    pub fn open(dir: &Path, epoch: [u8; 16], last_chunk: i64, fleet: &Fleet) -> Result<(Self, Found), Error> {
        let path = dir.join(NAME);
        if !path.exists() {
            return Ok((Self::create(&path, epoch)?, Found::Nothing));
        }
        match Self::load(&path, epoch, last_chunk, fleet) {
            Ok((mirror, chunk)) => Ok((mirror, Found::UpTo(chunk))),
            Err(fault) => {
                let aside = path.with_extension("redb.bad");
                std::fs::rename(&path, &aside)?;
                Ok((Self::create(&path, epoch)?, Found::SetAside(aside, fault.to_string())))
            }
        }
    }

    fn create(path: &Path, epoch: [u8; 16]) -> Result<Self, Error> {
        Ok(Self { db: Database::builder().set_cache_size(1 << 20).create(path)?, epoch, rev: 0, settled: 0, written: -1 })
    }

    fn load(path: &Path, epoch: [u8; 16], last_chunk: i64, fleet: &Fleet) -> Result<(Self, i64), Error> {
        let db = Database::builder().set_cache_size(1 << 20).open(path)?;
        let reading = db.begin_read()?;
        let meta = reading.open_table(META)?;
        let number = |key: &str| -> Result<Option<u64>, Error> {
            Ok(meta.get(key)?.and_then(|v| v.value().try_into().ok()).map(u64::from_le_bytes))
        };
        if number("schema")? != Some(SCHEMA) {
            return Err(Error::Strange("another schema"));
        }
        if meta.get("epoch")?.is_none_or(|v| v.value() != epoch) {
            return Err(Error::Strange("it belongs to another fix log"));
        }
        let chunk = number("chunk")?.ok_or(Error::Strange("it does not say how far it goes"))?.cast_signed();
        if chunk > last_chunk {
            return Err(Error::Strange("it goes further than the fix log"));
        }
        let mut fixes = Vec::new();
        for entry in reading.open_table(LAST)?.iter()? {
            let (id, last) = entry?;
            let last: Last = serde_json::from_str(last.value()).map_err(|_| Error::Strange("a position cannot be read"))?;
            let id = VehicleId::new(id.value()).map_err(|_| Error::Strange("a vehicle's id is none"))?;
            fixes.extend(last.fix(id));
        }
        drop((meta, reading));
        fleet.observe_all(&fixes);
        Ok((Self { db, epoch, rev: 0, settled: chunk, written: chunk }, chunk))
    }

    /// Writes what changed since the last call, in one transaction; returns how many vehicles. `last_chunk` is the fix
    /// log's last chunk now.
    pub fn write(&mut self, fleet: &Fleet, last_chunk: i64) -> Result<usize, Error> {
        let (rev, changed, removed) = fleet.changes(self.rev, usize::MAX);
        if changed.is_empty() && removed.is_empty() && self.settled == self.written {
            self.settled = last_chunk;
            return Ok(0);
        }
        let writing = self.db.begin_write()?;
        {
            let (mut last, mut cells) = (writing.open_table(LAST)?, writing.open_table(IN_CELL)?);
            for (_, id) in &removed {
                put(&mut last, &mut cells, id, None)?;
            }
            for view in &changed {
                if let Some(now) = Last::of(view) {
                    put(&mut last, &mut cells, &view.id, Some(&now))?;
                }
            }
            let mut meta = writing.open_table(META)?;
            meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
            meta.insert("epoch", self.epoch.as_slice())?;
            meta.insert("chunk", self.settled.cast_unsigned().to_le_bytes().as_slice())?;
        }
        writing.commit()?;
        (self.rev, self.written, self.settled) = (rev, self.settled, last_chunk);
        Ok(changed.len() + removed.len())
    }

    /// Who was in an H3 cell of resolution 7 when last written.
    pub fn in_cell(&self, cell: u64) -> Result<Vec<String>, Error> {
        let cells = self.db.begin_read()?.open_table(IN_CELL)?;
        let mut ids = Vec::new();
        for entry in cells.range((cell, "")..(cell + 1, ""))? {
            ids.push(entry?.0.value().1.to_owned());
        }
        Ok(ids)
    }
}

/// Replaces a vehicle's last position and, when that changes, its cell.
fn put(
    last: &mut redb::Table<'_, &str, &str>,
    cells: &mut redb::Table<'_, (u64, &str), ()>,
    id: &VehicleId,
    now: Option<&Last>,
) -> Result<(), Error> {
    let text = now.and_then(|now| serde_json::to_string(now).ok());
    let before = match &text {
        Some(text) => last.insert(id.as_str(), text.as_str())?,
        None => last.remove(id.as_str())?,
    };
    let before = before.and_then(|b| serde_json::from_str::<Last>(b.value()).ok());
    let (before, now) = (before.and_then(|b| b.place()).and_then(cell), now.and_then(Last::place).and_then(cell));
    if before != now {
        if let Some(cell) = before {
            cells.remove((cell, id.as_str()))?;
        }
        if let Some(cell) = now {
            cells.insert((cell, id.as_str()), ())?;
        }
    }
    Ok(())
}
