//! A cluster of brokers: who leads which topic, and what depotd asks of the leaders. Only partition 0 of a topic is ever used.

use super::super::Fault;
use super::login::Door;
use super::record::{packed, unpacked};
use super::wire::{Address, Ask, Conn};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::Record;
use std::collections::BTreeMap;
use std::time::Duration;

/// What `ListOffsets` takes for the end and the beginning of a log.
const END: i64 = -1;
const BEGINNING: i64 = -2;
/// How long a broker may wait for what it is asked to read.
const WAIT_MS: i32 = 500;
/// A topic that was made a moment ago has a leader after so many looks, or something is wrong.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Appended {
    /// It is stored at this offset.
    At(i64),
    /// It is larger than the broker or the topic takes.
    TooLarge,
    /// The number of the write is not the one that comes next.
    OutOfStep,
}

/// The connections to it.
pub struct Cluster {
    door: Door,
    nodes: BTreeMap<i32, Address>,
    conns: BTreeMap<i32, Conn>,
    controller: i32,
    /// Those topics that are there; `None`: nobody leads it now.
    leaders: BTreeMap<String, Option<i32>>,
}

impl Cluster {
    /// Connects to the first of `brokers` that answers, and asks who leads `topics`.
    pub async fn open(door: Door, brokers: &[Address], topics: &[String]) -> Result<Self, Fault> {
        let mut cluster = Self { door, nodes: BTreeMap::new(), conns: BTreeMap::new(), controller: -1, leaders: BTreeMap::new() };
        let mut faults = Vec::new();
        for address in brokers {
            match cluster.begin(address, topics).await {
                Ok(()) => return Ok(cluster),
                Err(fault) => faults.push(fault.what),
            }
        }
        Err(Fault::new(faults.join("; ")))
    }

    async fn begin(&mut self, address: &Address, topics: &[String]) -> Result<(), Fault> {
        let mut conn = self.door.open(address).await?;
        self.look(&mut conn, topics).await?;
        // Most often it is one of those that the cluster names; else it was only asked for them.
        let known = self.nodes.iter().find(|(_, own)| *own == address).map(|(id, _)| *id);
        self.conns.extend(known.map(|id| (id, conn)));
        Ok(())
    }

    /// Is the topic there?
    pub fn has(&self, topic: &str) -> bool {
        self.leaders.contains_key(topic)
    }

    async fn look(&mut self, conn: &mut Conn, topics: &[String]) -> Result<(), Fault> {
        let asked = topics.iter().map(|topic| MetadataRequestTopic::default().with_name(Some(name(topic)))).collect();
        let answer = conn.ask(&MetadataRequest::default().with_topics(Some(asked)).with_allow_auto_topic_creation(false)).await?;
        for broker in &answer.brokers {
            let Ok(port) = u16::try_from(broker.port) else { continue };
            self.nodes.insert(broker.node_id.0, (broker.host.to_string(), port));
        }
        self.controller = answer.controller_id.0;
        for topic in &answer.topics {
            let Some(own) = topic.name.as_ref().map(|name| name.0.to_string()) else { continue };
            match ResponseError::try_from_code(topic.error_code) {
                None => {}
                Some(ResponseError::UnknownTopicOrPartition) => continue,
                Some(ResponseError::LeaderNotAvailable) => {}
                Some(error) => return Err(refused(&own, error, None)),
            }
            let first = topic.partitions.iter().find(|partition| partition.partition_index == 0);
            let leader = first.map(|partition| partition.leader_id.0).filter(|leader| self.nodes.contains_key(leader));
            self.leaders.insert(own, leader);
        }
        Ok(())
    }

    async fn node(&mut self, id: i32) -> Result<&mut Conn, Fault> {
        if !self.conns.contains_key(&id) {
            let address = self.nodes.get(&id).ok_or_else(|| Fault::new(format!("the cluster names no broker {id}")))?;
            let conn = self.door.open(address).await?;
            self.conns.insert(id, conn);
        }
        self.conns.get_mut(&id).ok_or_else(|| Fault::new("not connected"))
    }

    async fn ask<R: Ask>(&mut self, topic: &str, request: &R) -> Result<R::Answer, Fault> {
        let leader = self.leaders.get(topic).copied().flatten();
        self.node(leader.ok_or_else(|| Fault::new(format!("partition 0 of topic {topic} has no leader now")))?).await?.ask(request).await
    }

    /// Makes a topic of one partition, as the cluster's own settings say it else, and waits for its leader.
    pub async fn create(&mut self, topic: &str, timeout: Duration) -> Result<(), Fault> {
        let id = if self.nodes.contains_key(&self.controller) { self.controller } else { self.nodes.keys().next().copied().unwrap_or(-1) };
        let wanted = CreatableTopic::default().with_name(name(topic)).with_num_partitions(1).with_replication_factor(-1);
        let request = CreateTopicsRequest::default().with_topics(vec![wanted]).with_timeout_ms(millis(timeout));
        let answer = self.node(id).await?.ask(&request).await?;
        let made = answer.topics.first().ok_or_else(|| Fault::new(format!("topic {topic}: the broker did not say whether it made it")))?;
        match ResponseError::try_from_code(made.error_code) {
            None => {}
            // Its last record was not looked for, so nothing may be written.
            Some(ResponseError::TopicAlreadyExists) => return Err(Fault::new(format!("topic {topic} is there after all"))),
            Some(error) => {
                let words = made.error_message.as_ref().map_or_else(|| error.to_string(), |words| format!("{error}, {words}"));
                return Err(Fault::new(format!(
                    "topic {topic} is not there and may not be made from here ({words}): make it, with one partition"
                )));
            }
        }
        for _ in 0..LOOKS {
            let mut conn = self.conns.remove(&id).ok_or_else(|| Fault::new("not connected"))?;
            self.look(&mut conn, &[topic.to_owned()]).await?;
            self.conns.insert(id, conn);
            if self.leaders.get(topic).copied().flatten().is_some() {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(Fault::new(format!("topic {topic} was made, but has no leader")))
    }

    /// The first offset that is still there, and the one that the next record will have.
    pub async fn bounds(&mut self, topic: &str) -> Result<(i64, i64), Fault> {
        Ok((self.bound(topic, BEGINNING).await?, self.bound(topic, END).await?))
    }

    async fn bound(&mut self, topic: &str, which: i64) -> Result<i64, Fault> {
        let partition = ListOffsetsPartition::default().with_partition_index(0).with_current_leader_epoch(-1).with_timestamp(which);
        let asked = ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![asked]);
        let answer = self.ask(topic, &request).await?;
        let told = answer.topics.first().and_then(|topic| topic.partitions.first());
        let told = told.ok_or_else(|| Fault::new(format!("topic {topic}: the broker did not say how long it is")))?;
        match ResponseError::try_from_code(told.error_code) {
            None => Ok(told.offset),
            Some(error) => Err(refused(topic, error, None)),
        }
    }

    /// The record at `offset`; `None` when there is none to be read.
    pub async fn read(&mut self, topic: &str, offset: i64) -> Result<Option<Record>, Fault> {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(offset)
            .with_log_start_offset(-1)
            // A broker gives the first record whole, however long it is.
            .with_partition_max_bytes(1);
        let asked = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(1)
            .with_session_epoch(-1)
            .with_topics(vec![asked]);
        let mut answer = self.ask(topic, &request).await?;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            return Err(refused(topic, error, None));
        }
        let Some(mut told) = answer.responses.pop().and_then(|mut topic| topic.partitions.pop()) else { return Ok(None) };
        if let Some(error) = ResponseError::try_from_code(told.error_code) {
            return Err(refused(topic, error, None));
        }
        unpacked(told.records.take().unwrap_or_default(), offset)
            .map_err(|why| Fault::new(format!("topic {topic}, offset {offset}: {why}")))
    }

    /// A producer id of the depot's own, and its epoch.
    pub async fn producer(&mut self, topic: &str) -> Result<(i64, i16), Fault> {
        let request = InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(i32::MAX);
        let answer = self.ask(topic, &request).await?;
        match ResponseError::try_from_code(answer.error_code) {
            None => Ok((answer.producer_id.0, answer.producer_epoch)),
            Some(error @ ResponseError::ClusterAuthorizationFailed) => {
                Err(Fault::new(format!("the user may not write so that nothing stands twice ({error}): give it the right IdempotentWrite")))
            }
            Some(error) => Err(Fault::new(format!("the cluster gave no producer id: {error}"))),
        }
    }

    /// Writes `record`: `all` waits for every replica in sync, else the leader's word is enough.
    pub async fn append(&mut self, topic: &str, record: &Record, all: bool, timeout: Duration) -> Result<Appended, Fault> {
        let partition = PartitionProduceData::default().with_index(0).with_records(Some(packed(record).map_err(Fault::new)?));
        let written = TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![partition]);
        let request =
            ProduceRequest::default().with_acks(if all { -1 } else { 1 }).with_timeout_ms(millis(timeout)).with_topic_data(vec![written]);
        let answer = self.ask(topic, &request).await?;
        let told = answer.responses.first().and_then(|topic| topic.partition_responses.first());
        let told = told.ok_or_else(|| Fault::new(format!("topic {topic}: the broker did not say whether it stored the batch")))?;
        match ResponseError::try_from_code(told.error_code) {
            None => Ok(Appended::At(told.base_offset)),
            Some(ResponseError::MessageTooLarge | ResponseError::RecordListTooLarge) => Ok(Appended::TooLarge),
            Some(
                ResponseError::OutOfOrderSequenceNumber
                | ResponseError::DuplicateSequenceNumber
                | ResponseError::InvalidProducerEpoch
                | ResponseError::InvalidProducerIdMapping
                | ResponseError::UnknownProducerId,
            ) => Ok(Appended::OutOfStep),
            Some(error) => Err(refused(topic, error, told.error_message.as_ref())),
        }
    }
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// An error of Kafka's in words that help.
fn refused(topic: &str, error: ResponseError, words: Option<&StrBytes>) -> Fault {
    let help = match error {
        ResponseError::TopicAuthorizationFailed => "the user may not use it: give it the rights Describe, Read and Write",
        ResponseError::UnknownTopicOrPartition => "it is gone",
        ResponseError::NotLeaderOrFollower | ResponseError::LeaderNotAvailable => "another broker leads it from now on",
        ResponseError::NotEnoughReplicas | ResponseError::NotEnoughReplicasAfterAppend => "too few replicas are in sync to store anything",
        ResponseError::InvalidTimestamp => "the depot's clock is too far from the broker's",
        _ => words.map_or("the broker refused", |words| words.as_str()),
    };
    Fault::new(format!("topic {topic}: {help} ({error})"))
}
