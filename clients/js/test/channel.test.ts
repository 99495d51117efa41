/** A channel without a line: the frames and pages are put into the client by hand, in the order that is to be tested. */
import { expect, test, vi } from "vitest";
import { TenfourClient } from "../src/index.ts";
import type { Frame, WireChannel, WireMessage } from "../src/types.ts";

const ME = "00000000-0000-4000-8000-000000000001";
const PEER = "00000000-0000-4000-8000-000000000002";
const DOCK = "00000000-0000-4000-8000-00000000000d";

const page = (messages: WireMessage[], version: number, more: Partial<Frame<"sync">> = {}): Frame<"sync"> => ({
  type: "sync",
  channelId: DOCK,
  messages,
  memberIds: [ME, PEER],
  hasMore: false,
  version,
  ...more,
});

function message(seq: number, more: Partial<WireMessage> = {}): WireMessage {
  return {
    id: `m${seq}`,
    clientId: `c${seq}`,
    channelId: DOCK,
    senderId: PEER,
    senderName: "Driver 7",
    seq,
    version: seq,
    content: `${seq}`,
    contentType: "text",
    replyToId: null,
    attachments: [],
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: null,
    deletedAt: null,
    ...more,
  };
}

/** A client that was greeted, and what it asked of REST. `answer` is what it gets. */
function greeted(answer: () => Response | Promise<Response> = () => new Response(null, { status: 204 })) {
  const asked: string[] = [];
  const token = ["{}", JSON.stringify({ sub: ME, exp: 4e9 }), ""].map((part) => Buffer.from(part).toString("base64url")).join(".");
  const it = new TenfourClient({
    url: "http://chat.invalid",
    getToken: () => token,
    fetch: async (url) => {
      asked.push(String(url));
      return answer();
    },
  });
  const hello = (epoch: string, more: Partial<WireChannel> = {}) => {
    const info: WireChannel = {
      id: DOCK,
      type: "group",
      name: "Dock",
      role: "member",
      lastSeq: 0,
      version: 0,
      lastReadSeq: 0,
      unread: 0,
      revisionsVisibleTo: "admins",
      memberIds: [ME, PEER],
      online: [],
      ...more,
    };
    it._hello({ type: "hello", epoch, user: { id: ME, name: "Dispatcher" }, channels: [info] } as unknown as Frame<"hello">);
  };
  const live = (data: WireMessage) => it._frame({ type: "message", data } as Frame<"message">);
  const channel = it.channel(DOCK);
  return { it, channel, hello, live, asked, shown: () => channel.messages.map(({ content }) => content) };
}

test.each([0, 2])("one's own message that is acknowledged while a reset of %d is on its way is not lost", async (there) => {
  const { it, channel, hello, live, shown } = greeted();
  hello("before");
  for (const seq of [1, 2, 3, 4]) live(message(seq));
  void channel.send("mine");
  const [clientId] = it._sender._items.keys();
  hello("after", { lastSeq: there, version: there });
  const seq = there + 1;
  it._frame({ type: "ack", clientId: clientId!, serverId: `m${seq}`, channelId: DOCK, seq, version: seq, createdAt: "", duplicate: false });
  const stored = Array.from({ length: there }, (_, n) => message(n + 1));
  channel._page(page(stored, there, { reset: true }), 4);
  expect(channel._cursor._behind()).toBe(true);
  channel._page(page([message(seq, { senderId: ME, clientId: clientId!, content: "mine" })], seq), there);
  expect(shown()).toEqual([...stored.map(({ content }) => content), "mine"]);
  expect(channel._cursor._behind()).toBe(false);
});

test("a callback that throws is told to the runtime, and keeps nothing from the others", async () => {
  const { it, channel, hello, live } = greeted();
  hello("e");
  await Promise.resolve();
  const told: string[] = [];
  const thrown = vi.fn();
  // The runner's own would fail the test.
  const runners = process.rawListeners("uncaughtException") as ((error: Error) => void)[];
  process.removeAllListeners("uncaughtException").on("uncaughtException", thrown);
  try {
    channel.subscribe(() => {
      throw new Error("the page is broken");
    });
    channel.subscribe(() => told.push("channel"));
    it.subscribe(() => told.push("client"));
    live(message(1));
    await vi.waitFor(() => expect(thrown).toHaveBeenCalledOnce());
    expect(told.sort()).toEqual(["channel", "client"]);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const runner of runners) process.on("uncaughtException", runner);
  }
});

test("who stopped listening is not called, though something had changed before", async () => {
  const { channel, hello, live } = greeted();
  hello("e");
  await Promise.resolve();
  const told: string[] = [];
  channel.subscribe(() => {
    told.push("first");
    off();
  });
  const off = channel.subscribe(() => told.push("second"));
  live(message(1));
  await new Promise((done) => setTimeout(done));
  expect(told).toEqual(["first"]);
});

test("what is not joined is not marked as read", () => {
  const { it, channel, hello, live } = greeted();
  const errors: string[] = [];
  it.on("error", ({ code }) => errors.push(code));
  hello("e");
  live(message(1));
  it._frame({ type: "channel_removed", channelId: DOCK });
  channel.markRead();
  expect(channel.getSnapshot().lastReadSeq).toBe(0);
  it._frame({ type: "error", code: "unavailable", message: "", retryable: true, ref: DOCK } as Frame<"error">);
  expect(errors).toEqual(["unavailable"]);
});

test("up to where nobody has seen is not marked as read, though it is known to be there", async () => {
  const { it, channel, hello, live } = greeted();
  hello("e");
  for (const seq of [1, 2]) live(message(seq));
  channel.markRead();
  expect(channel.getSnapshot().lastReadSeq).toBe(2);
  // A new line says that there are more, and `sync` has not brought them.
  hello("e", { lastSeq: 9, version: 9, lastReadSeq: 2, unread: 7 });
  void channel.send("mine");
  channel.markRead();
  expect(channel.getSnapshot()).toMatchObject({ lastReadSeq: 2, unread: 7 });
  const more = [3, 4, 5, 6, 7, 8, 9].map((seq) => message(seq));
  channel._page(page(more, 9), 2);
  channel.markRead();
  expect(channel.getSnapshot()).toMatchObject({ lastReadSeq: 9, unread: 0 });
  await it.close();
});

test("what holds no message marks none", () => {
  const { channel, hello } = greeted();
  hello("e", { lastSeq: 9, version: 9, unread: 9 });
  channel.markRead();
  expect(channel.getSnapshot()).toMatchObject({ lastReadSeq: 0, unread: 9 });
});

test("the messages are the same array until one of them changes", async () => {
  const { it, channel, hello, live } = greeted();
  hello("e");
  for (const seq of [1, 2, 3]) live(message(seq));
  let before = channel.getSnapshot();
  const changed = () => {
    const was = before;
    before = channel.getSnapshot();
    expect(before).not.toBe(was);
    return before.messages !== was.messages;
  };
  it._frame({ type: "typing", channelId: DOCK, userId: PEER, name: "Driver 7", expiresInMs: 3_000 } as Frame<"typing">);
  expect(changed()).toBe(false);
  it._frame({ type: "presence", channelId: DOCK, userId: PEER, status: "online", lastSeenAt: null } as unknown as Frame<"presence">);
  expect(changed()).toBe(false);
  it._frame({ type: "read", channelId: DOCK, userId: PEER, seq: 2, at: "" } as Frame<"read">);
  expect(changed()).toBe(false);
  channel.markRead();
  expect(changed()).toBe(false);
  live(message(4));
  expect(changed()).toBe(true);
  live(message(2, { version: 5, content: "edited" }));
  expect(changed()).toBe(true);
  void channel.send("mine");
  expect(changed()).toBe(true);
  const [clientId] = it._sender._items.keys();
  channel.cancel(clientId!);
  expect(changed()).toBe(true);
  channel.trim(2);
  expect(changed()).toBe(true);
  expect(before.messages.map(({ seq }) => seq)).toEqual([3, 4]);
  await it.close();
});

test("a page that does not come leaves nothing behind that grows", async () => {
  const { it, channel, hello, live } = greeted(() => Response.json({ code: "unavailable" }, { status: 503 }));
  hello("e", { lastSeq: 9, version: 9 });
  await expect(channel.loadOlder()).rejects.toMatchObject({ code: "unavailable" });
  live(message(3, { version: 10 }));
  expect(channel["_window"]._aside).toBe(null);
  await it.close();
});

test("history that was loaded while nobody looks does not make the channel grow for ever", async () => {
  const { it, channel, hello, live } = greeted(() => Response.json({ messages: [message(1)], hasMore: false }));
  hello("e", { lastSeq: 1, version: 1 });
  channel.subscribe(() => {})();
  await channel.loadOlder();
  for (let seq = 2; seq <= 600; seq++) live(message(seq));
  expect(channel.messages.length).toBeLessThan(251);
  await it.close();
});

test("what goes with the last who looked is not shown any more", () => {
  const { channel, hello, live } = greeted();
  hello("e");
  const off = channel.subscribe(() => {});
  for (let seq = 1; seq <= 300; seq++) live(message(seq));
  expect(channel.messages.length).toBe(300);
  off();
  expect(channel.messages.length).toBe(200);
  expect(channel.getSnapshot().hasOlder).toBe(true);
});

test("ids go into an address as one part of it", async () => {
  const { it, channel, asked } = greeted(() => Response.json(message(1)));
  const odd = "../a?b#c";
  await it.channel(odd).rename("Yard");
  await channel.edit(odd, "text");
  await it.channels.get(odd);
  const part = encodeURIComponent(odd);
  const paths = [`channels/${part}`, `messages/${part}`, `channels/${part}`];
  expect(asked).toEqual(paths.map((path) => `http://chat.invalid/api/v1/${path}`));
});

test("who had no name yet gets it with their first message", () => {
  const { channel, hello, live } = greeted();
  hello("e", { type: "direct", peer: { id: PEER, name: PEER, lastReadSeq: 0 } });
  const before = channel.getSnapshot();
  live(message(1));
  expect([before.peer?.name, channel.getSnapshot().peer?.name]).toEqual([PEER, "Driver 7"]);
});
