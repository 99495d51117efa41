// A client that shares no code with the daemon: Node's `ws`, by the words of the wire contract.
//
//     node client.mjs URL TOKEN CHANNEL_ID [--send N] [--expect N] [--seconds S]
//
// Does what client.py does: connects in all three ways, talks, loses its line, comes back and misses nothing.
// `--expect` is how many messages the others send to the channel in all; both sides may run at once. Prints one line of
// JSON and exits 0, or says what was wrong and exits 1. `ws` is looked for in the current folder's node_modules.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const WebSocket = createRequire(join(process.cwd(), "package.json"))("ws");

const LIVE = new Set(["message", "message_updated", "message_deleted", "members"]);

function check(holds, what, ...about) {
  if (!holds) throw new Error([what, ...about.map((thing) => JSON.stringify(thing))].join(" "));
}

/** One WebSocket whose frames are taken one after the other. */
class Line {
  #frames = [];
  #end = null;
  #wake = null;

  constructor(url, protocols, options) {
    this.ws = new WebSocket(url, protocols, options);
    // Listened to from the start: the first frame may come with the handshake's answer.
    this.ws.on("message", (data, binary) => this.#arrived(() => this.#frames.push({ data, binary })));
    this.ws.on("close", (code) => this.#arrived(() => (this.#end ??= new Error(`the server closed with ${code}`))));
    this.ws.on("error", (error) => this.#arrived(() => (this.#end ??= error)));
  }

  #arrived(file) {
    file();
    this.#wake?.();
  }

  async take(deadline) {
    while (this.#frames.length === 0) {
      if (this.#end) throw this.#end;
      const left = deadline - Date.now();
      check(left > 0, "out of time");
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const { data, binary } = this.#frames.shift();
    check(!binary, "a binary frame");
    return JSON.parse(data.toString("utf8"));
  }
}

/** What one user holds of one channel, over as many connections as it takes. */
class Client {
  messages = new Map(); // id -> message, the highest version of each
  cursor = 0; // up to here everything is held
  live = 0; // the version that this connection has come to
  acks = new Map(); // clientId -> ack
  refused = new Map(); // clientId -> error
  sent = new Map(); // clientId -> frame
  replies = new Map(); // ref -> frame
  others = []; // frames that are none of the above

  constructor({ url, token, channel, deadline }) {
    Object.assign(this, { url, token, channel, deadline });
  }

  // Three ways to bring a token.

  async open(way = "header") {
    if (way === "header") {
      this.line = new Line(this.url, [], { headers: { Authorization: `Bearer ${this.token}` } });
    } else if (way === "query") {
      this.line = new Line(`${this.url}?token=${this.token}`, []);
    } else {
      this.line = new Line(this.url, ["tenfour.v1", `bearer.${this.token}`]);
    }
    const hello = await this.take();
    if (way === "subprotocol") check(this.line.ws.protocol === "tenfour.v1", "the answer selects", this.line.ws.protocol);
    check(hello.type === "hello", "the first frame is", hello);
    check(hello.protocol === 1, "the protocol is", hello.protocol);
    for (const field of ["epoch", "sessionId", "user", "serverTime", "heartbeatMs", "channels"]) {
      check(field in hello, "hello has no", field);
    }
    const own = hello.channels.filter((channel) => channel.id === this.channel);
    check(own.length === 1, "hello names the channel this often:", own.length);
    for (const field of ["type", "role", "lastSeq", "version", "lastReadSeq", "unread", "memberIds", "online"]) {
      check(field in own[0], "the channel in hello has no", field);
    }
    check(own[0].memberIds.includes(hello.user.id), "the user is no member of", own[0]);
    Object.assign(this, { me: hello.user.id, epoch: hello.epoch, live: own[0].version });
  }

  close() {
    this.line.ws.close(1000);
  }

  /** No goodbye: neither a close frame nor an answer to one. */
  cut() {
    this.line.ws.terminate();
  }

  // One frame in, one frame out.

  take() {
    return this.line.take(this.deadline);
  }

  put(frame) {
    this.line.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Takes one frame and files it. */
  async turn() {
    const frame = await this.take();
    const { type, data } = frame;
    if (type === "ack" && frame.channelId === this.channel) {
      if (!this.acks.has(frame.clientId)) this.acks.set(frame.clientId, frame);
      if (!frame.duplicate) {
        this.advance(frame);
        const { content } = this.sent.get(frame.clientId);
        const { clientId, serverId: id, seq, version } = frame;
        this.hold({ id, clientId, senderId: this.me, seq, version, content });
      }
    } else if (LIVE.has(type) && (frame.channelId ?? data.channelId) === this.channel) {
      this.advance(frame);
      if (data) this.hold(data);
      if (type === "message" && data.senderId === this.me && !this.acks.has(data.clientId)) {
        this.acks.set(data.clientId, { ...data, serverId: data.id });
      }
    } else if (type === "channel" && data.id === this.channel) {
      this.live = Math.max(this.live, data.version);
    } else if ("ref" in frame) {
      this.replies.set(frame.ref, frame);
    } else if (type === "error" && "clientId" in frame) {
      this.refused.set(frame.clientId, frame);
    } else if (type !== "sync") {
      this.others.push(frame);
    }
    return frame;
  }

  /** Each connection gets a channel's versions in order, each once, without a gap. */
  advance(frame) {
    const version = frame.version ?? frame.data.version;
    const since = frame.since ?? version;
    check(since === this.live + 1 && version >= since, `after version ${this.live} comes`, frame);
    this.live = version;
    if (since <= this.cursor + 1) this.cursor = Math.max(this.cursor, version);
  }

  hold(message) {
    const held = this.messages.get(message.id);
    if (held && held.version >= message.version) return;
    check(!held || held.seq === message.seq, "a message changed its seq:", held, message);
    this.messages.set(message.id, message);
  }

  // What a client does.

  /** From the cursor to the end, page by page. */
  async sync() {
    for (let more = true; more; ) {
      // What comes live while the page is on its way moves the cursor, not what was asked for.
      const asked = this.cursor;
      this.put({ type: "sync", channels: { [this.channel]: asked }, epoch: this.epoch });
      more = false;
      for (let frame; (frame = await this.turn()).type !== "sync_complete"; ) {
        if (frame.type !== "sync" || frame.channelId !== this.channel) continue;
        check(!frame.reset, "the server asks to drop what is held:", frame);
        let last = asked;
        for (const message of frame.messages) {
          check(message.version > last, `a page has, after version ${last},`, message);
          last = message.version;
          this.hold(message);
        }
        this.cursor = Math.max(this.cursor, frame.version);
        more = frame.hasMore;
      }
    }
  }

  send(content) {
    const frame = { type: "message", clientId: randomUUID(), channelId: this.channel, content };
    this.sent.set(frame.clientId, frame);
    this.put(frame);
    return frame.clientId;
  }

  /** Until each is acknowledged. What is refused for now goes again, one by one. Says how many did. */
  async settle(ids) {
    let again = 0;
    for (const id of ids) await this.answered(id);
    for (const id of ids) {
      for (; !this.acks.has(id); again += 1) {
        const refusal = this.refused.get(id);
        this.refused.delete(id);
        check(refusal.retryable, "a send is refused:", refusal);
        await sleep(refusal.retryAfterMs ?? 200);
        this.put(this.sent.get(id));
        await this.answered(id);
      }
    }
    return again;
  }

  async answered(id) {
    while (!this.acks.has(id) && !this.refused.has(id)) await this.turn();
  }

  /** The reply that carries the frame's own ref. */
  async ask(frame) {
    const ref = randomUUID();
    this.put({ ...frame, ref });
    while (!this.replies.has(ref)) await this.turn();
    return this.replies.get(ref);
  }

  /** A bad frame gets its error, and the connection stays. */
  async refuses(frame, code) {
    const found = () => this.others.find((other) => other.type === "error");
    let error;
    if (typeof frame === "string") {
      this.others = [];
      this.put(frame);
      while (!found()) await this.turn();
      error = found();
    } else {
      error = await this.ask(frame);
    }
    check(error.type === "error" && error.code === code, `not ${code}:`, error);
    check(error.message && error.retryable === false, "an error without words:", error);
    check((await this.ask({ type: "ping" })).type === "pong", "no pong after", frame);
  }

  fromOthers() {
    return [...this.messages.values()].filter((message) => message.senderId !== this.me);
  }
}

function refusedWithoutToken(url) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    ws.on("open", () => reject(new Error("a connection without a token was let in")));
    ws.on("error", reject);
    ws.on("unexpected-response", (request, answer) => {
      request.destroy();
      if (answer.statusCode === 401) resolve();
      else reject(new Error(`without a token the answer is ${answer.statusCode}`));
    });
  });
}

async function run(options) {
  const client = new Client(options);
  await refusedWithoutToken(options.url);
  for (const way of ["header", "query"]) {
    await client.open(way);
    client.close();
  }
  await client.open("subprotocol");
  await client.sync();

  // Talk.
  const ids = [];
  const half = Math.floor(options.send / 2);
  for (let number = 0; number < half; number += 1) ids.push(client.send(`node ${number}`));
  let again = await client.settle(ids);

  // Once more what is stored: the first answer, marked as such, and nothing new.
  const first = client.acks.get(ids[0]);
  client.acks.delete(ids[0]);
  client.put(client.sent.get(ids[0]));
  again += await client.settle([ids[0]]);
  const second = client.acks.get(ids[0]);
  check(second.duplicate === true, "a second send is no duplicate:", second);
  for (const field of ["serverId", "seq", "version"]) {
    check(first[field] === second[field], `a duplicate's ${field} differs:`, first, second);
  }

  await client.refuses("{not json", "invalid_json");
  await client.refuses({ type: "message", channelId: client.channel }, "invalid_frame");
  await client.refuses({ type: "nonsense" }, "unknown_type");

  // Lose the line with a message on its way; come back and send it again.
  const doubtful = client.send("node, as the line went");
  client.cut();
  await client.open("header");
  await client.sync();
  client.put(client.sent.get(doubtful));
  again += await client.settle([doubtful]);
  const more = [];
  for (let number = half + 1; number < options.send; number += 1) more.push(client.send(`node ${number}`));
  again += await client.settle(more);
  ids.push(doubtful, ...more);

  // Hear the others out.
  while (client.fromOthers().length < options.expect) await client.turn();
  await client.sync();

  const held = [...client.messages.values()];
  const seqs = held.map((message) => message.seq).sort((a, b) => a - b);
  check(seqs.every((seq, index) => seq === index + 1), "the seqs have a gap or a double:", seqs);
  const stored = held.filter((message) => message.senderId === client.me && client.sent.has(message.clientId));
  check(stored.length === ids.length, "not each message is stored once:", stored.length, ids.length);
  const order = ids.map((id) => client.acks.get(id).seq);
  check(again > 0 || order.every((seq, at) => at === 0 || seq > order[at - 1]), "the order of sending is not kept:", order);
  check(client.fromOthers().length === options.expect, "from others:", client.fromOthers().length);

  // What was pieced together is what the server has.
  const fresh = new Client(options);
  await fresh.open("header");
  await fresh.sync();
  for (const message of held) {
    const theirs = fresh.messages.get(message.id);
    const same = theirs && theirs.seq === message.seq && theirs.content === message.content;
    check(same, "what is held differs from what is stored:", message, theirs ?? null);
  }
  fresh.close();
  client.close();
  const received = client.fromOthers().length;
  return { client: "node", sent: ids.length, received, resent: again, lastSeq: seqs.at(-1) };
}

function options([url, token, channel, ...rest]) {
  check(url && token && channel, "usage: node client.mjs URL TOKEN CHANNEL_ID [--send N] [--expect N] [--seconds S]");
  const numbers = { send: 20, expect: 0, seconds: 30 };
  for (let at = 0; at < rest.length; at += 2) {
    const name = rest[at].replace(/^--/, "");
    check(name in numbers && Number.isFinite(Number(rest[at + 1])), "no such option, or no number:", rest[at]);
    numbers[name] = Number(rest[at + 1]);
  }
  return { url, token, channel, ...numbers, deadline: Date.now() + numbers.seconds * 1000 };
}

try {
  console.log(JSON.stringify(await run(options(process.argv.slice(2)))));
  process.exit(0);
} catch (wrong) {
  console.error(`${wrong.name}: ${wrong.message}`.replaceAll(process.argv[3] ?? " ", "TOKEN"));
  process.exit(1);
}
