/** Files on their way, without a page: what becomes of them where they are taken back. */
import { randomUUID } from "node:crypto";
import type { TenfourClient } from "@tenfour/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../../test/daemon.mjs";
import { Drafts } from "../src/drafts.ts";
import { Uploads } from "../src/uploads.ts";

/** A browser's, as far as the uploads need it: the test says how far it is. */
class Request {
  static made: Request[] = [];
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload = () => {};
  onabort = () => {};
  onloadend = () => {};
  status = 0;
  responseText = "";
  aborted = false;
  constructor() {
    Request.made.push(this);
  }
  open() {}
  setRequestHeader() {}
  send() {}
  abort() {
    this.aborted = true;
    this.onabort();
    this.onloadend();
  }
  answer(body: object) {
    [this.status, this.responseText] = [201, JSON.stringify(body)];
    this.onload();
    this.onloadend();
  }
}

const deleted: string[] = [];
/** As far as uploads need it. */
const client = {
  async request(method: string, path: string, _body?: unknown, via?: (url: string, init: object) => Promise<{ json(): Promise<unknown> }>) {
    if (method === "DELETE") return void deleted.push(path);
    return (await via!(path, { method, headers: {} })).json();
  },
} as unknown as TenfourClient;

beforeEach(() => {
  vi.stubGlobal("XMLHttpRequest", Request);
  Request.made = [];
  deleted.length = 0;
});
afterEach(() => vi.unstubAllGlobals());

function uploading(): { uploads: Uploads; request: Request } {
  const uploads = new Uploads(new Drafts());
  uploads._bind(client);
  expect(uploads._add("dock", [new File(["twelve"], "load.txt")])).toBe(null);
  const [request] = Request.made;
  return { uploads, request: request! };
}

test("what is taken back on its way is broken off", async () => {
  const { uploads, request } = uploading();
  request.upload.onprogress!({ loaded: 3 });
  uploads._remove(uploads._of("dock")[0]!);
  expect(request.aborted).toBe(true);
  expect(uploads._of("dock")).toEqual([]);
});

test("what is taken back once all of it has gone out is let go of by the name that it gets", async () => {
  const { uploads, request } = uploading();
  request.upload.onprogress!({ loaded: 6 });
  uploads._remove(uploads._of("dock")[0]!);
  expect(uploads._of("dock")).toEqual([]);
  const id = randomUUID();
  request.answer({ id, name: "load.txt", size: 6 });
  await until("it is deleted", () => deleted.length === 1);
  expect([request.aborted, deleted]).toEqual([false, [`attachments/${id}`]]);
});
