"""Prints what stands in partition 0 of topics, by a client that is none of depotd's: a JSON document per record, in order.

usage: kafka_read.py HOST:PORT TOPIC...
"""

import base64
import json
import sys

from kafka import KafkaConsumer, TopicPartition

consumer = KafkaConsumer(bootstrap_servers=sys.argv[1], enable_auto_commit=False, allow_auto_create_topics=False)
there = consumer.topics()
for topic in sys.argv[2:]:
    if topic not in there:
        continue
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=1000).get(partition, []):
            print(
                json.dumps(
                    {
                        "topic": topic,
                        "offset": record.offset,
                        "key": record.key.decode(),
                        "headers": {name: value.decode() for name, value in record.headers},
                        "value": base64.b64encode(record.value).decode(),
                    }
                )
            )
consumer.close()
