//! The way in: a permitted PUBLISH becomes fixes in the log, and its acknowledgement waits until they are durable.

use super::{End, Pending, Session};
use crate::ingest::{Intake, Message, Way};
use crate::model::Timestamp;
use crate::mqtt::access::{self, Channel};
use crate::mqtt::frame::{self, Frame, Publish};
use crate::mqtt::neighbours::source;
use crate::mqtt::pace::Pace;
use crate::mqtt::stats::{Reason, add};
use crate::mqtt::who::Who;
use crate::mqtt::wire;

/// Not yet handed to the log: its number is not known.
const UNNUMBERED: u64 = u64::MAX;

/// What of a session is about messages coming in.
#[derive(Default)]
pub(in crate::mqtt) struct Ingest {
    pub pace: Pace,
    /// When the bytes in hand were received.
    pub received: Timestamp,
    /// Messages so far that want an acknowledgement.
    pub acknowledgeable: usize,
    /// From the first fix on.
    intake: Option<Intake>,
    /// The log's number of the last fix of this session.
    last: u64,
}

impl Ingest {
    /// Of a session that starts when the log has taken `appended` fixes. What an earlier session of the device handed over may be
    /// among them, not yet durable: its repetition is acknowledged no sooner.
    pub fn behind(appended: u64) -> Self {
        Self { last: appended, ..Self::default() }
    }
}

impl Session {
    /// Takes one PUBLISH.
    pub(super) async fn publish(&mut self, packet: &Frame<'_>) -> Result<(), End> {
        let publish = frame::publish(packet, self.terms.version)?;
        add(&self.shared.stats.messages, 1);
        if publish.qos == 2 && self.received.contains(&publish.pkid) {
            // Sent again before its release: already kept, so only say so again.
            self.await_durable(&publish, 0);
            return Ok(());
        }
        let channel = match &self.who {
            Who::Device(names) => access::publish(names, publish.topic),
            Who::Reader { .. } => None,
        };
        let Some(channel) = channel else { return self.refuse_publish(&publish) };
        if publish.qos == 2 && self.received.len() >= usize::from(self.shared.config.max_inflight) {
            return Err(End::Fault(0x93, Reason::ReceiveMaximum, "too many QoS 2 messages not released".to_owned()));
        }
        let reason = match channel {
            Channel::Fixes => self.fixes(&publish),
            Channel::Step => {
                self.hand_over().await?;
                self.step(publish.payload).await?
            }
            Channel::Status => 0,
        };
        if publish.qos == 2 {
            self.received.push(publish.pkid);
        }
        self.await_durable(&publish, reason);
        self.shared.router.publish(publish.topic, publish.payload, publish.qos, publish.retain);
        Ok(())
    }

    /// Decodes, filters, remembers; the v5 reason code of its acknowledgement.
    fn fixes(&mut self, publish: &Publish<'_>) -> u8 {
        let Who::Device(names) = &self.who else { return 0x87 };
        let (topic, payload, received) = (publish.topic, publish.payload, self.ingest.received);
        let intake = self.ingest.intake.get_or_insert_with(|| self.shared.deps.ingest.intake(&names.vehicle, Way::Mqtt));
        match intake.take(&Message { source: source(names, topic), topic, payload, received }) {
            Ok(taken) => {
                add(&self.shared.stats.fixes, taken);
                0
            }
            Err(rejected) => {
                self.shared.refuse_payload(names, self.peer, topic, &rejected.reason());
                // A refused payload is acknowledged: sent again it would be refused again, and block the device for good.
                0x99
            }
        }
    }

    fn refuse_publish(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let who = format!("{} from {}", self.who.name(), self.peer);
        self.shared.stats.refuse(self.ingest.received, Reason::PublishTopic, who, publish.topic.to_owned());
        // v3.1.1 knows no negative acknowledgement: the message is acknowledged and dropped, as the standard allows.
        self.await_durable(publish, 0x87);
        Ok(())
    }

    fn await_durable(&mut self, publish: &Publish<'_>, reason: u8) {
        let packet = match publish.qos {
            0 => return,
            1 => wire::PUBACK,
            _ => wire::PUBREC,
        };
        if publish.qos == 2 && reason >= 0x80 {
            // Refused with a reason, a v5 message is over; v3.1.1 goes on to PUBREL as if it were kept.
            if self.terms.version == frame::Version::V5 {
                self.received.retain(|&pkid| pkid != publish.pkid);
            }
        }
        self.ingest.acknowledgeable += 1;
        self.pending.push_back(Pending { upto: UNNUMBERED, pkid: publish.pkid, packet, reason });
    }

    /// PUBREL: the message is released, its id free again.
    pub(super) fn release_received(&mut self, packet: &Frame<'_>) -> Result<(), End> {
        let (pkid, _) = frame::acknowledged(packet, self.terms.version)?;
        let before = self.received.len();
        self.received.retain(|&held| held != pkid);
        let reason = if self.received.len() < before { 0 } else { 0x92 };
        wire::ack(&mut self.output, self.terms.version, wire::PUBCOMP, pkid, reason);
        Ok(())
    }

    /// Hands the fixes in hand to the log; their acknowledgements then wait for its number. The await is the back-pressure.
    pub(super) async fn hand_over(&mut self) -> Result<(), End> {
        if let Some(intake) = &mut self.ingest.intake {
            let upto = intake.hand_over().await.map_err(|_| End::LogClosed)?;
            self.ingest.last = self.ingest.last.max(upto);
        }
        let last = self.ingest.last;
        self.pending.iter_mut().rev().take_while(|p| p.upto == UNNUMBERED).for_each(|p| p.upto = last);
        Ok(())
    }
}
