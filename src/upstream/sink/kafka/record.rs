//! A batch as a record of Kafka's, and back: its headers say what it covers and which write of the depot's it was.

use crate::batch::{Batch, Known};
use crate::model::{Lane, Timestamp};
use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

const PRODUCER: &str = "Depot-Producer";

/// Who writes a lane's next record, and as which write of it: the broker takes each number once, and only in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pen {
    /// The producer id that the cluster gave out.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The number of the next write.
    pub next: i32,
}

impl Pen {
    /// After its next write.
    pub fn moved(self) -> Self {
        Self { next: if self.next == i32::MAX { 0 } else { self.next + 1 }, ..self }
    }

    fn words(self) -> String {
        format!("{}/{}/{}", self.id, self.epoch, self.next)
    }
}

/// What a record in a topic is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// How far the lane was with it.
    pub known: Known,
    /// The first number that it covers.
    pub first: i64,
    /// What writes the next one; `None` when somebody else copied it there.
    pub pen: Option<Pen>,
}

/// `batch`, to be written with `pen`.
pub fn record(batch: &Batch, pen: Option<Pen>, at: Timestamp) -> Record {
    let span = &batch.span;
    let mut headers = vec![
        ("Content-Type", "application/x-ndjson".to_owned()),
        ("Content-Encoding", "zstd".to_owned()),
        ("Depot-Epoch", span.epoch.clone()),
        ("Depot-Epoch-From", span.epoch_from.to_string()),
        ("Depot-Lane", span.lane.as_str().to_owned()),
        ("Depot-First-Seq", span.first.to_string()),
        ("Depot-Last-Seq", span.last.to_string()),
        ("Depot-Records", batch.records.to_string()),
    ];
    headers.extend(pen.map(|pen| (PRODUCER, pen.words())));
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: pen.map_or(NO_PRODUCER_ID, |pen| pen.id),
        producer_epoch: pen.map_or(NO_PRODUCER_EPOCH, |pen| pen.epoch),
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: pen.map_or(NO_SEQUENCE, |pen| pen.next),
        timestamp: at.as_millis(),
        key: Some(Bytes::from(format!("{}/{}", span.depot, span.lane.as_str()))),
        value: Some(batch.body.clone()),
        headers: headers.into_iter().map(|(name, value)| (StrBytes::from_static_str(name), Some(Bytes::from(value)))).collect(),
    }
}

/// `record` as it travels.
pub fn packed(record: &Record) -> Result<Bytes, String> {
    let mut out = BytesMut::new();
    // The body is packed already.
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut out, [record], &options).map_err(|e| e.to_string())?;
    Ok(out.freeze())
}

/// The record at `offset` of what a broker read out; `None` when there is none.
pub fn unpacked(mut batches: Bytes, offset: i64) -> Result<Option<Record>, String> {
    // A record takes more than one byte, so who says that there are more of them than bytes lies.
    let told = RecordBatchDecoder::decode_batch_info(&mut batches.clone()).unwrap_or_default();
    if let Some(lying) = told.iter().find(|batch| usize::try_from(batch.record_count).is_ok_and(|count| count > batches.len())) {
        return Err(format!("a batch of {} records in {} bytes", lying.record_count, batches.len()));
    }
    while !batches.is_empty() {
        let set = RecordBatchDecoder::decode(&mut batches).map_err(|e| e.to_string())?;
        if let Some(found) = set.records.into_iter().find(|record| record.offset >= offset) {
            return Ok((found.offset == offset).then_some(found));
        }
    }
    Ok(None)
}

/// What `record` covers; `None` when it is none of `lane`'s.
pub fn mark(record: &Record, lane: Lane) -> Option<Mark> {
    let text = |name: &str| {
        let found = record.headers.iter().find(|(own, _)| own.as_str() == name)?;
        std::str::from_utf8(found.1.as_ref()?).ok().map(str::to_owned)
    };
    if record.control || text("Depot-Lane")? != lane.as_str() {
        return None;
    }
    let known = Known::new(text("Depot-Epoch")?, lane, text("Depot-Last-Seq")?.parse().ok()?);
    let written = Pen { id: record.producer_id, epoch: record.producer_epoch, next: record.sequence };
    let own = text(PRODUCER).is_some_and(|words| words == written.words());
    Some(Mark { known, first: text("Depot-First-Seq")?.parse().ok()?, pen: own.then(|| written.moved()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Span;

    fn batch(lane: Lane) -> Batch {
        let span = Span { depot: "lyon-1".into(), epoch: "e1".into(), epoch_from: 1, lane, first: 5, last: 9 };
        Batch { span, records: 3, lost: 0, unpacked: 0, body: Bytes::from_static(b"packed") }
    }

    #[test]
    fn a_record_says_what_it_covers_and_who_writes_on() {
        let pen = Pen { id: 4_000, epoch: 2, next: i32::MAX };
        let bytes = packed(&record(&batch(Lane::Bookings), Some(pen), Timestamp::from_millis(1))).unwrap();
        let read = unpacked(bytes.clone(), 0).unwrap().unwrap();
        assert_eq!(read.key.as_deref(), Some(&b"lyon-1/bookings"[..]));
        let known = Known::new("e1".into(), Lane::Bookings, 9);
        assert_eq!(mark(&read, Lane::Bookings), Some(Mark { known, first: 5, pen: Some(Pen { next: 0, ..pen }) }));
        assert_eq!(mark(&read, Lane::History), None, "another lane's");
        assert_eq!(unpacked(bytes, 7), Ok(None), "another record's place");
    }

    #[test]
    fn a_copy_that_another_producer_wrote_is_not_written_on() {
        let mut copied = record(&batch(Lane::Dispatch), Some(Pen { id: 7, epoch: 0, next: 3 }), Timestamp::from_millis(1));
        copied.producer_id = 8;
        assert_eq!(mark(&copied, Lane::Dispatch).unwrap().pen, None);
        let live = record(&batch(Lane::Live), None, Timestamp::from_millis(1));
        assert_eq!(mark(&live, Lane::Live).unwrap().pen, None);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert!(unpacked(Bytes::from_static(b"not a batch of records, but long enough to look like one at first sight"), 0).is_err());
        let mut lying = packed(&record(&batch(Lane::Live), None, Timestamp::from_millis(1))).unwrap().to_vec();
        lying[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
        assert!(unpacked(lying.into(), 0).is_err());
    }
}
