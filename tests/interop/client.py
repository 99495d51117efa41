"""A client that shares no code with the daemon: Python's `websockets`, by the words of the wire contract.

    client.py URL TOKEN CHANNEL_ID [--send N] [--expect N] [--seconds S]

Connects in all three ways, talks, loses its line, comes back and misses nothing. `--expect` is how many messages the
others send to the channel in all; both sides may run at once. Prints one line of JSON and exits 0, or says what was
wrong and exits 1.
"""

import argparse
import json
import socket
import sys
import time
import uuid

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

LIVE = ("message", "message_updated", "message_deleted", "members")


class Wrong(Exception):
    pass


def check(holds, what, *about):
    if not holds:
        raise Wrong(" ".join([what, *(json.dumps(thing, default=str) for thing in about)]))


class Client:
    """What one user holds of one channel, over as many connections as it takes."""

    def __init__(self, url, token, channel, deadline):
        self.url, self.token, self.channel, self.deadline = url, token, channel, deadline
        self.messages = {}  # id -> message, the highest version of each
        self.cursor = 0  # up to here everything is held
        self.live = 0  # the version that this connection has come to
        self.acks = {}  # clientId -> ack
        self.refused = {}  # clientId -> error
        self.sent = {}  # clientId -> frame
        self.replies = {}  # ref -> frame
        self.others = []  # frames that are none of the above
        self.me = None

    # Three ways to bring a token.

    def open(self, way="header"):
        if way == "header":
            self.socket = connect(self.url, additional_headers={"Authorization": f"Bearer {self.token}"})
        elif way == "query":
            self.socket = connect(f"{self.url}?token={self.token}")
        else:
            self.socket = connect(self.url, subprotocols=["tenfour.v1", f"bearer.{self.token}"])
            check(self.socket.subprotocol == "tenfour.v1", "the answer selects", self.socket.subprotocol)
        return self.hello()

    def hello(self):
        hello = self.take()
        check(hello["type"] == "hello", "the first frame is", hello)
        check(hello["protocol"] == 1, "the protocol is", hello["protocol"])
        for field in ("epoch", "sessionId", "user", "serverTime", "heartbeatMs", "channels"):
            check(field in hello, "hello has no", field)
        own = [channel for channel in hello["channels"] if channel["id"] == self.channel]
        check(len(own) == 1, "hello names the channel this often:", len(own))
        for field in ("type", "role", "lastSeq", "version", "lastReadSeq", "unread", "memberIds", "online"):
            check(field in own[0], "the channel in hello has no", field)
        check(hello["user"]["id"] in own[0]["memberIds"], "the user is no member of", own[0])
        self.me, self.epoch, self.live = hello["user"]["id"], hello["epoch"], own[0]["version"]
        return own[0]

    def close(self):
        self.socket.close(1000)

    def cut(self):
        """No goodbye: neither a close frame nor an answer to one."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)

    # One frame in, one frame out.

    def take(self):
        left = self.deadline - time.monotonic()
        check(left > 0, "out of time; held so far:", len(self.messages))
        return json.loads(self.socket.recv(timeout=left))

    def put(self, frame):
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def turn(self):
        """Takes one frame and files it."""
        frame = self.take()
        kind = frame["type"]
        if kind == "ack" and frame["channelId"] == self.channel:
            self.acks.setdefault(frame["clientId"], frame)
            if not frame["duplicate"]:
                self.advance(frame)
                self.hold_own(frame)
        elif kind in LIVE and (frame.get("channelId") or frame["data"]["channelId"]) == self.channel:
            self.advance(frame)
            if "data" in frame:
                self.hold(frame["data"])
                if frame["data"]["senderId"] == self.me and kind == "message":
                    self.acks.setdefault(frame["data"]["clientId"], {**frame["data"], "serverId": frame["data"]["id"]})
        elif kind == "channel" and frame["data"]["id"] == self.channel:
            self.live = max(self.live, frame["data"]["version"])
        elif "ref" in frame:
            self.replies[frame["ref"]] = frame
        elif kind == "error" and "clientId" in frame:
            self.refused[frame["clientId"]] = frame
        elif kind != "sync":
            self.others.append(frame)
        return frame

    def advance(self, frame):
        """Each connection gets a channel's versions in order, each once, without a gap."""
        version = frame["version"] if "version" in frame else frame["data"]["version"]
        since = frame.get("since", version)
        check(since == self.live + 1 and version >= since, f"after version {self.live} comes", frame)
        self.live = version
        if since <= self.cursor + 1:
            self.cursor = max(self.cursor, version)

    def hold(self, message):
        held = self.messages.get(message["id"])
        if held is None or message["version"] > held["version"]:
            check(held is None or held["seq"] == message["seq"], "a message changed its seq:", held, message)
            self.messages[message["id"]] = message

    def hold_own(self, ack):
        sent = self.sent[ack["clientId"]]
        self.hold(
            {"id": ack["serverId"], "clientId": ack["clientId"], "senderId": self.me, "seq": ack["seq"]}
            | {"version": ack["version"], "content": sent["content"]}
        )

    # What a client does.

    def sync(self):
        """From the cursor to the end, page by page."""
        while True:
            # What comes live while the page is on its way moves the cursor, not what was asked for.
            asked = self.cursor
            self.put({"type": "sync", "channels": {self.channel: asked}, "epoch": self.epoch})
            more = False
            while (frame := self.turn())["type"] != "sync_complete":
                if frame["type"] != "sync" or frame["channelId"] != self.channel:
                    continue
                check(not frame.get("reset"), "the server asks to drop what is held:", frame)
                versions = [message["version"] for message in frame["messages"]]
                check(versions == sorted(set(versions)), "a page is not ascending:", versions)
                check(all(version > asked for version in versions), "a page repeats what is held:", versions)
                for message in frame["messages"]:
                    self.hold(message)
                self.cursor, more = max(self.cursor, frame["version"]), frame["hasMore"]
            if not more:
                return

    def send(self, content):
        frame = {"type": "message", "clientId": str(uuid.uuid4()), "channelId": self.channel, "content": content}
        self.sent[frame["clientId"]] = frame
        self.put(frame)
        return frame["clientId"]

    def settle(self, ids):
        """Until each is acknowledged. What is refused for now goes again, one by one. Says how many did."""
        again = 0
        for client_id in ids:
            self.answered(client_id)
        for client_id in ids:
            while client_id not in self.acks:
                refusal = self.refused.pop(client_id)
                check(refusal["retryable"], "a send is refused:", refusal)
                time.sleep(refusal.get("retryAfterMs", 200) / 1000)
                self.put(self.sent[client_id])
                self.answered(client_id)
                again += 1
        return again

    def answered(self, client_id):
        while client_id not in self.acks and client_id not in self.refused:
            self.turn()

    def ask(self, frame):
        """The reply that carries the frame's own ref."""
        ref = frame["ref"] = str(uuid.uuid4())
        self.put(frame)
        while ref not in self.replies:
            self.turn()
        return self.replies.pop(ref)

    def refuses(self, frame, code):
        """A bad frame gets its error, and the connection stays."""
        self.others.clear()
        if isinstance(frame, str):
            self.put(frame)
            while not any(other["type"] == "error" for other in self.others):
                self.turn()
            error = next(other for other in self.others if other["type"] == "error")
        else:
            error = self.ask(frame)
        check(error["type"] == "error" and error["code"] == code, f"not {code}:", error)
        check(error["message"] and error["retryable"] is False, "an error without words:", error)
        check(self.ask({"type": "ping"})["type"] == "pong", "no pong after", frame)

    def from_others(self):
        return [message for message in self.messages.values() if message["senderId"] != self.me]


def refused_without_token(url):
    try:
        connect(url).close()
    except InvalidStatus as refusal:
        check(refusal.response.status_code == 401, "without a token the answer is", refusal.response.status_code)
        return
    raise Wrong("a connection without a token was let in")


def run(args):
    client = Client(args.url, args.token, args.channel, time.monotonic() + args.seconds)
    refused_without_token(args.url)
    for way in ("header", "query"):
        client.open(way)
        client.close()
    client.open("subprotocol")
    client.sync()

    # Talk.
    first_half = args.send // 2
    ids = [client.send(f"python {number}") for number in range(first_half)]
    again = client.settle(ids)

    # Once more what is stored: the first answer, marked as such, and nothing new.
    first = client.acks.pop(ids[0])
    client.put(client.sent[ids[0]])
    again += client.settle(ids[:1])
    second = client.acks[ids[0]]
    check(second.get("duplicate") is True, "a second send is no duplicate:", second)
    for field in ("serverId", "seq", "version"):
        check(first[field] == second[field], f"a duplicate's {field} differs:", first, second)
    client.acks[ids[0]] = first

    client.refuses("{not json", "invalid_json")
    client.refuses({"type": "message", "channelId": client.channel}, "invalid_frame")
    client.refuses({"type": "nonsense"}, "unknown_type")

    # Lose the line with a message on its way; come back and send it again.
    doubtful = client.send("python, as the line went")
    client.cut()
    client.open("header")
    client.sync()
    client.put(client.sent[doubtful])
    again += client.settle([doubtful])
    more = [client.send(f"python {number}") for number in range(first_half + 1, args.send)]
    again += client.settle(more)
    ids += [doubtful, *more]

    # Hear the others out.
    while len(client.from_others()) < args.expect:
        client.turn()
    client.sync()

    seqs = sorted(message["seq"] for message in client.messages.values())
    check(seqs == list(range(1, len(seqs) + 1)), "the seqs have a gap or a double:", seqs)
    own = [message for message in client.messages.values() if message["senderId"] == client.me]
    stored = [message["clientId"] for message in own if message["clientId"] in client.sent]
    check(sorted(stored) == sorted(ids), "not each message is stored once:", len(stored), len(ids))
    order = [client.acks[i]["seq"] for i in ids]
    check(again or order == sorted(order), "the order of sending is not kept:", order)
    check(len(client.from_others()) == args.expect, "from others:", len(client.from_others()))

    # What was pieced together is what the server has.
    fresh = Client(args.url, args.token, args.channel, client.deadline)
    fresh.open("header")
    fresh.sync()
    theirs = {key: (message["seq"], message["content"]) for key, message in fresh.messages.items()}
    ours = {key: (message["seq"], message["content"]) for key, message in client.messages.items()}
    check(all(theirs.get(key) == value for key, value in ours.items()), "what is held differs from what is stored")
    fresh.close()
    client.close()
    return {"client": "python", "sent": len(ids), "received": len(client.from_others()), "resent": again, "lastSeq": seqs[-1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("channel")
    parser.add_argument("--send", type=int, default=20, help="at least 2")
    parser.add_argument("--expect", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    try:
        print(json.dumps(run(args)))
    except Exception as wrong:  # whatever it is, it goes into the test's report in one line
        print(f"{type(wrong).__name__}: {wrong}".replace(args.token, "TOKEN"), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
