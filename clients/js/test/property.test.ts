/**
 * Whatever happens to the lines, in the end both clients hold the same: everything that was sent, once, in one order.
 *
 * The run is random and prints its seed; SEED=… repeats one, RUNS=… makes more of them.
 */
import { expect, test } from "vitest";
import { until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import type { ChatMessage } from "../src/index.ts";
import { connected, daemon, useDaemon } from "./help.ts";

const STEPS = 120;
const RUNS = Number(process.env.RUNS ?? 4);
const FIRST = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

useDaemon();

/** A small generator with a seed (xorshift), so that a run can be repeated. */
function random(seed: number) {
  let state = (seed % 2 ** 32) + 1;
  return (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** As it is stored: without what differs from reader to reader. */
function stored({ key: _k, mine: _m, status, ...message }: ChatMessage) {
  expect(status).toBe("sent");
  return message;
}

const seeds = Array.from({ length: RUNS }, (_, n) => FIRST + n);
test.each(seeds)("random cuts, seed %i", async (seed) => {
  console.log(`SEED=${seed}`);
  const pick = random(seed);
  const { id } = await daemon.group("Dock", ["dispatcher", "driver"]);
  const sides = await Promise.all(
    ["dispatcher", "driver"].map(async (sub) => {
      const proxy = await startProxy(daemon.port);
      const it = await connected(daemon, sub, { url: proxy.url, ackTimeout: 1_000 });
      const channel = it.channel(id);
      channel.subscribe(() => {});
      const fresh: string[] = [];
      it.on("message.new", (message) => fresh.push(message.clientId));
      return { proxy, it, channel, fresh, sub, sent: [] as string[], edited: 0 };
    }),
  );
  for (let step = 0; step < STEPS; step++) {
    const side = sides[pick(2)]!;
    const own = side.channel.messages.filter(({ mine, status, deletedAt }) => mine && status === "sent" && !deletedAt);
    const chosen = own[pick(own.length || 1)];
    switch (pick(16)) {
      case 0:
        side.proxy.cut();
        break;
      case 1:
        side.proxy.halfOpen();
        break;
      case 2:
        side.proxy.stall();
        break;
      case 3:
        side.proxy.refuse();
        side.proxy.cut();
        break;
      case 4:
      case 5:
        side.proxy.accept();
        side.proxy.flow();
        break;
      case 6:
        side.it.disconnect();
        await new Promise((done) => setTimeout(done, pick(20)));
        side.it.connect().catch(() => {});
        break;
      case 7:
        if (chosen) void daemon.call(`/messages/${chosen.id}`, { method: "PATCH", as: side.sub, body: { content: `edited ${step}` } }).catch(() => {});
        break;
      case 8:
        if (chosen) await daemon.call(`/messages/${chosen.id}`, { method: "DELETE", as: side.sub }).catch(() => {});
        break;
      case 9:
        await new Promise((done) => setTimeout(done, pick(200)));
        break;
      default: {
        const content = `${side.sub} ${side.sent.length}`;
        side.sent.push(side.channel.send(content).then(({ clientId }) => clientId) as never);
        if (pick(2)) await new Promise((done) => setTimeout(done, pick(30)));
      }
    }
  }
  for (const { proxy } of sides) {
    proxy.accept();
    proxy.flow();
    // Whoever sits on a dead line finds that out by itself.
  }
  const ids = await Promise.all(sides.map(({ sent }) => Promise.all(sent)));
  await until("both hold everything", async () => {
    const total = ids.flat().length;
    return sides.every(({ it, channel }) => it.connection.synced && channel.messages.length === total && channel._cursor._version === sides[0]!.channel._cursor._version);
  }, 20_000);
  const { messages } = await daemon.call(`/channels/${id}/messages?limit=200`);
  const truth = messages.reverse();
  for (const [n, { channel, fresh }] of sides.entries()) {
    expect(channel.messages.map(stored)).toEqual(truth);
    const others = ids[1 - n]!;
    expect(fresh.filter((clientId) => others.includes(clientId)).length, "each is told as new at most once").toBeLessThanOrEqual(others.length);
    expect(new Set(fresh).size).toBe(fresh.length);
  }
  expect(truth.map(({ seq }: ChatMessage) => seq)).toEqual(truth.map((_: unknown, at: number) => at + 1));
  // Each sender's own order is kept.
  for (const mine of ids) expect(truth.map(({ clientId }: ChatMessage) => clientId).filter((it: string) => mine.includes(it))).toEqual(mine);
  for (const { it, proxy } of sides) {
    await it.close();
    await proxy.stop();
  }
}, 60_000);
