# SPDX-License-Identifier: Apache-2.0
"""The job socket, spoken by hand: what no client of ours would say."""
import json
import socket
import struct

PATIENCE = 60
TYPES = {"hello": 16, "welcome": 17, "failure": 18, "open_map": 21, "map_opened": 22, "add_items": 23, "items_added": 24,
         "finished": 28, "map_progress": 29, "queue": 38, "answer": 41}
NAMES = {number: name for name, number in TYPES.items()}
HEADER = struct.Struct("<IBBHQII")
JSON, BODY = 1, 2


def sized(text):
    return struct.pack("<I", len(text)) + text


class Client:
    """A connection that is greeted. Each answer is its name and its text; at the end the name is None."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(folder / "run" / "jobs.sock"))
        self.held = b""
        self.tell("hello", {"version": 1}, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def tell(self, kind, payload, number, receive=True):
        return self.say(kind, JSON, json.dumps(payload).encode(), number, receive)

    def tell_items(self, kind, head, items, number):
        return self.say(kind, BODY, b"".join(sized(text.encode()) for text in [json.dumps(head), *items]), number)

    def say(self, kind, codec, text, number, receive=True):
        self.held += HEADER.pack(len(text), TYPES[kind], codec, 0, number, 0, 0) + text
        if not receive:
            return None
        self.flush()
        return self.receive()

    def flush(self):
        self.socket.sendall(self.held)
        self.held = b""

    def receive(self):
        header = self.read(HEADER.size)
        if not header:
            return None, b""
        length, kind = HEADER.unpack(header)[:2]
        return NAMES[kind], self.read(length)

    def receive_all(self):
        """What comes until the daemon ends the connection."""
        answers = []
        while (answer := self.receive())[0] is not None:
            answers.append(answer)
        return answers

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                break
            data += more
        return data
