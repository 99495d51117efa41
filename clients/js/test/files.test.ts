/** Files: uploaded, named in messages, downloaded by who may. */
import { expect, test, vi } from "vitest";
import { discard, download, upload } from "@tenfour/client/record";
import type { Progress } from "@tenfour/client/record";
import { until } from "../../test/daemon.mjs";
import { png } from "../../test/picture.mjs";
import { client, daemon, connected, dock, useDaemon, useDock } from "./help.ts";

useDaemon();
useDock();

const file = (bytes: string | Uint8Array, name: string) => new File([typeof bytes === "string" ? bytes : new Uint8Array(bytes)], name);

test("a file is uploaded, sent without a word, and downloaded by who is in the channel", async () => {
  const [dispatcher, driver, stranger] = await Promise.all(["dispatcher", "driver", "stranger"].map((sub) => connected(daemon, sub)));
  const told: Progress[] = [];
  const picture = png(30, 20);
  const attachment = await upload(dispatcher!, file(picture, "Übersicht 2.png"), { onProgress: (progress) => told.push(progress) });
  expect(attachment).toMatchObject({ name: "Übersicht 2.png", contentType: "image/png", width: 30, height: 20 });
  expect(told.at(-1)).toEqual({ sent: picture.length, total: picture.length });
  await expect(download(driver!, attachment.id)).rejects.toMatchObject({ code: "not_found", status: 404 });

  const sending = dispatcher!.channel(dock).send({ content: "", attachments: [attachment] });
  expect(dispatcher!.channel(dock).messages.at(-1)).toMatchObject({ content: "", attachments: [attachment] });
  const sent = await sending;
  expect(sent.attachments).toEqual([attachment]);
  await until("it came", () => driver!.channel(dock).messages.length === 1);
  expect(driver!.channel(dock).messages[0]!.attachments).toEqual([attachment]);
  const blob = await download(driver!, attachment.id);
  expect(blob.size).toBe(attachment.size);
  await expect(download(stranger!, attachment.id)).rejects.toMatchObject({ code: "not_found", status: 404 });

  await dispatcher!.channel(dock).delete(sent.id);
  await until("it is deleted", () => driver!.channel(dock).messages[0]!.deletedAt !== null);
  expect(driver!.channel(dock).messages[0]!.attachments).toEqual([]);
  await expect(download(driver!, attachment.id)).rejects.toMatchObject({ status: 404 });
});

test("what waits to be sent keeps its files over a restart", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const attachment = await upload(dispatcher, file("a load list", "load.txt"));
  const entries = new Map<string, unknown>();
  const store = {
    load: async () => ({ me: null, channels: [] }),
    save: async () => {},
    entries: async () => [...entries.values()] as never,
    put: async (_user: string, entry: { clientId: string }) => void entries.set(entry.clientId, JSON.parse(JSON.stringify(entry))),
    remove: async (_user: string, id: string) => void entries.delete(id),
    lock: (_user: string, work: () => Promise<void>) => work(),
    tell: () => {},
    watch: () => {},
    purge: async () => {},
    close: () => {},
  };
  const before = await connected(daemon, "dispatcher", { store });
  before.disconnect();
  before.channel(dock).send({ content: "The list", attachments: [attachment] }).catch(() => {});
  await until("it is kept", () => entries.size === 1);
  await before.close();
  const after = await connected(daemon, "dispatcher", { store });
  await until("it is sent", () => after.channel(dock).messages.at(-1)?.status === "sent");
  expect(after.channel(dock).messages.at(-1)!.attachments).toEqual([attachment]);
  const driver = await connected(daemon, "driver");
  await driver.channel(dock).loadOlder();
  expect(driver.channel(dock).messages.at(-1)).toMatchObject({ content: "The list", attachments: [{ id: attachment.id }] });
});

test("ids alone are enough to send", async () => {
  const [dispatcher, driver] = await Promise.all([connected(daemon, "dispatcher"), connected(daemon, "driver")]);
  const { id } = await upload(dispatcher, file("a load list", "load.txt"));
  await dispatcher.channel(dock).send({ content: "The list", attachmentIds: [id] });
  await until("it came", () => driver.channel(dock).messages[0]?.attachments[0]?.id === id);
});

test("an upload that is given up, or let go of, is no more", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const controller = new AbortController();
  const uploading = upload(dispatcher, file("a load list", "load.txt"), { signal: controller.signal });
  controller.abort();
  await expect(uploading).rejects.toMatchObject({ code: "cancelled" });
  const { id } = await upload(dispatcher, file("a load list", "load.txt"), { signal: new AbortController().signal });
  await discard(dispatcher, id);
  await expect(download(dispatcher, id)).rejects.toMatchObject({ status: 404 });
  await expect(dispatcher.channel(dock).send({ content: "", attachmentIds: [id] })).rejects.toMatchObject({ code: expect.stringMatching(/not_found|invalid_frame/) });
});

test("an upload that is given up before it has begun sends nothing", async () => {
  const began: string[] = [];
  /** A browser's, of which this process has none. */
  class Request extends EventTarget {
    readonly upload = {};
    open(_: string, url: string) {
      began.push(url);
    }
    setRequestHeader() {}
    send() {
      began.push("sent");
    }
    abort() {}
  }
  let go: (token: string) => void = () => {};
  const token = new Promise<string>((done) => (go = done));
  const dispatcher = client(daemon, "dispatcher", { getToken: () => token });
  const controller = new AbortController();
  vi.stubGlobal("XMLHttpRequest", Request);
  try {
    const uploading = upload(dispatcher, file("a load list", "load.txt"), { signal: controller.signal });
    controller.abort();
    await expect(uploading).rejects.toMatchObject({ code: "cancelled" });
    go(daemon.token("dispatcher"));
    // What comes after it has its turn after it.
    await dispatcher.request("GET", "channels");
    expect(began).toEqual([]);
  } finally {
    vi.unstubAllGlobals();
  }
});

test("what is downloaded stays in no cache", async () => {
  const asked: [string, RequestCache | undefined][] = [];
  const dispatcher = await connected(daemon, "dispatcher", {
    fetch: (url, init) => {
      asked.push([init!.method!, init!.cache]);
      return fetch(url, init);
    },
  });
  const { id } = await upload(dispatcher, file("a load list", "load.txt"));
  asked.length = 0;
  expect(await (await download(dispatcher, id)).text()).toBe("a load list");
  expect(asked).toEqual([["GET", "no-store"]]);
});

test("why a file is not taken is told", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  await expect(upload(dispatcher, file("", "nothing.txt"))).rejects.toMatchObject({ code: "invalid_frame", retryable: false });
  await expect(upload(dispatcher, file(Buffer.alloc(10 * 1024 * 1024 + 1), "large.bin"))).rejects.toMatchObject({ code: "too_large" });
});
