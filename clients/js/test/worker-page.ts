/**
 * The page of worker.test.ts and its dedicated worker, in one file: the worker has the client, and the page hands it what
 * the test asks and the test what it answers.
 */
import { TenfourClient } from "../src/index.ts";
import { indexedDbStore } from "../src/indexeddb.ts";
import type { Options } from "../src/index.ts";

interface Question {
  id: number;
  what: keyof typeof answers;
  args: never[];
}

let chat: TenfourClient;
const answers = {
  start: (url: string, token: string, reconnect: NonNullable<Options["reconnect"]>) => {
    chat = new TenfourClient({ url, getToken: () => token, store: indexedDbStore(), reconnect });
    return chat.connect();
  },
  scope: () => [self.constructor.name, typeof document],
  connection: () => ({ ...chat.connection, reason: chat.connection.reason?.code }),
  older: (id: string) => chat.channel(id).loadOlder(),
  shown: (id: string) => chat.channel(id).messages.map(({ content, status }) => `${content} ${status}`),
  send: (id: string, text: string) => void chat.channel(id).send(text),
  edit: async (id: string, text: string) => {
    const channel = chat.channel(id);
    await channel.edit(channel.messages.at(-1)!.id, text);
  },
};

if (typeof document === "undefined") {
  addEventListener("message", async ({ data: { id, what, args } }: MessageEvent<Question>) => {
    try {
      postMessage({ id, answer: await (answers[what] as (...args: never[]) => unknown)(...args) });
    } catch (error) {
      postMessage({ id, failed: String(error) });
    }
  });
} else {
  const worker = new Worker("/main.js", { type: "module" });
  let last = 0;
  const ask = (what: string, args: unknown[]) =>
    new Promise((done, failed) => {
      const id = ++last;
      worker.addEventListener("message", ({ data }) => {
        if (data.id !== id) return;
        if ("failed" in data) failed(new Error(data.failed));
        else done(data.answer);
      });
      worker.addEventListener("error", ({ message }) => failed(new Error(message)));
      worker.postMessage({ id, what, args });
    });
  Object.assign(globalThis, { ask });
}
