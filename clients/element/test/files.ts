/** What the suites of files share: files, what is shown of them, and messages of others that have some. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { png } from "../../test/picture.mjs";
import { stage } from "./stage.ts";

export interface Given {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

export const picture = (name = "gate.png", width = 400, height = 200): Given => ({ name, mimeType: "image/png", buffer: png(width, height) });
export const list = (name = "load.txt", text = "twelve pallets"): Given => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
export const chips = (page: Page) => page.locator(".chip");
export const chip = (page: Page, state: string) => page.locator(`.chip[data-state="${state}"]`);
export const pick = (page: Page, ...files: Given[]) => page.locator("input[type=file]").setInputFiles(files);

/** Uploads and sends as another user, over REST. */
export async function sent(
  channel: string,
  sub: string,
  file: { name: string; buffer: Buffer },
  content = "",
): Promise<{ id: string; attachments: { id: string }[] }> {
  const authorization = `Bearer ${stage.daemon.token(sub)}`;
  const answer = await fetch(`${stage.daemon.url}/api/v1/attachments?name=${encodeURIComponent(file.name)}`, {
    method: "POST",
    headers: { authorization },
    body: new Uint8Array(file.buffer),
  });
  const { id } = (await answer.json()) as { id: string };
  return stage.daemon.call(`/channels/${channel}/messages`, { as: sub, body: { clientId: randomUUID(), content, attachmentIds: [id] } });
}
