"""The Socket.IO client of Python, driven line by line: reads {"emit", "body", "id"} from stdin, writes what happens to stdout.
usage: client.py URL TRANSPORT AUTH HEADERS CALLBACK"""
import json
import sys
import threading
import time

import socketio

url, transport, auth, headers, callback = sys.argv[1:6]
lock = threading.Lock()


def say(**what):
    with lock:
        print(json.dumps(what), flush=True)


def now():
    return int(time.time() * 1000)


client = socketio.Client(reconnection=False)


@client.event
def connect():
    say(**{"is": "connected"})


@client.event
def connect_error(data):
    say(**{"is": "refused", "data": data["message"] if isinstance(data, dict) else str(data)})


@client.event
def disconnect(reason):
    say(**{"is": "gone", "data": reason})


@client.on("*")
def anything(event, data=None):
    say(**{"is": event, "data": data, "at": now()})
    # Python's client calls back by itself; one that is not to has no handler for commands.


if callback == "no":

    class Silent(dict):
        """Finds no handler, so that nothing is acknowledged."""

    original = client._handle_event

    def heard(namespace, id, data):
        original(namespace, None, data)

    client._handle_event = heard

transports = ["polling", "websocket"] if transport == "both" else [transport]
try:
    client.connect(url, headers=json.loads(headers), auth=json.loads(auth), transports=transports, wait_timeout=10)
except socketio.exceptions.ConnectionError:
    pass
for line in sys.stdin:
    told = json.loads(line)
    client.emit(told["emit"], told["body"], callback=lambda data=None, id=told["id"]: say(**{"is": "answer", "id": id, "data": data, "at": now()}))
client.disconnect()
