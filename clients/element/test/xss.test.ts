/** Whatever is sent or called is text: nothing runs, nothing loads, no policy is even tried. */
import { expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { stage, useStage } from "./stage.ts";

const CORPUS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=javascript:alert(1)></iframe>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<body onload=alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<details open ontoggle=alert(1)>",
  "<video><source onerror=alert(1)></video>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<style>*{background:url(http://127.0.0.1:1/x)}</style>",
  "<link rel=stylesheet href=http://127.0.0.1:1/x.css>",
  "<base href=http://127.0.0.1:1/>",
  "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
  "<object data=javascript:alert(1)></object>",
  "<embed src=javascript:alert(1)>",
  "<form action=javascript:alert(1)><button>x</button></form>",
  "<template><script>alert(1)</script></template>",
  "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
  "<!--><img src=x onerror=alert(1)>-->",
  "]]><script>alert(1)</script>",
  "\"><script>alert(1)</script>",
  "'-alert(1)-'",
  "${alert(1)} {{constructor.constructor('alert(1)')()}} <%= alert(1) %>",
  "javascript:alert(1)",
  "JaVaScRiPt://example.com/%0aalert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "https://example.com/\"onmouseover=\"alert(1)",
  "https://example.com/'><script>alert(1)</script>",
  "http://javascript:alert(1)@example.com/",
  "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#x3c;img src=x onerror=alert(1)&#x3e;",
  "\u202egnp.exe \u2066<script>alert(1)</script>\u2069",
  "<tenfour-chat url=http://127.0.0.1:1></tenfour-chat>",
  "<slot name=x></slot><dialog open>alert</dialog>",
  "<x style=position:fixed;inset:0 onclick=alert(1)>",
];

useStage();

test(`${CORPUS.length} strings as content and as names stay text`, async () => {
  const { daemon } = stage;
  const page = await stage.open({ sub: "reader", name: CORPUS[1]! });
  const trouble: string[] = [];
  page.on("dialog", (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(daemon.url) && !request.url().startsWith(stage.origin) && !request.url().startsWith("data:,")) {
      trouble.push(`request: ${request.url()}`);
    }
  });
  await page.evaluate(() => ((window as unknown as { alert: unknown }).alert = () => window.dispatchEvent(new Event("alerted"))));
  await page.evaluate(() => window.addEventListener("alerted", () => ((window as unknown as { alerted: boolean }).alerted = true)));

  // Each string is the name of a group, of a sender, and a message; one answers another, so that it is quoted as well.
  const channel = (await daemon.group(CORPUS[0]!, ["reader", ...CORPUS.map((_, i) => `sender-${i}`)])).id;
  for (const name of CORPUS.slice(0, 20)) await daemon.group(name, ["reader"]);
  let last: string | undefined;
  for (const [i, content] of CORPUS.entries()) {
    const token = daemon.token(`sender-${i}`, { name: content });
    const message = await daemon.call(`/channels/${channel}/messages`, {
      token,
      body: { clientId: crypto.randomUUID(), content, ...(last && { replyToId: last }) },
    });
    last = message.id;
    if (i === 7) await daemon.call("/channels", { token, body: { type: "direct", userId: "reader" } });
  }
  await page.evaluate((id) => ((window as unknown as { chat: { channel: string } }).chat.channel = id), channel);
  await until("all are held", async () => (await page.evaluate((id) => held(id), channel).catch(() => 0)) === CORPUS.length);

  const seen = new Map<string, { text: string; sender: string; quote: string | null }>();
  const scroller = page.locator(".scroller");
  for (let top = 100_000; top >= 0; top = Math.min(top, await scroller.evaluate((it) => it.scrollTop)) - 400) {
    await scroller.evaluate((it, top) => (it.scrollTop = top), top);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await page.evaluate(() => new Promise(requestAnimationFrame));
    for (const row of await page.locator(".row").evaluateAll((rows) =>
      rows.map((row) => ({
        key: row.getAttribute("data-key")!,
        text: row.querySelector(".text")!.textContent!,
        sender: row.querySelector(".sender")!.textContent!,
        quote: row.querySelector(".quote-text")?.textContent ?? null,
        allowed: [...row.querySelectorAll("*")].every((it) =>
          /^(div|span|bdi|a|button|time|svg|path)$/i.test(it.tagName) && ![...it.attributes].some(({ name }) => name.startsWith("on")),
        ),
      })),
    )) {
      expect(row.allowed).toBe(true);
      seen.set(row.key, row);
    }
  }
  expect(new Set([...seen.values()].map(({ text }) => text))).toEqual(new Set(CORPUS));
  expect(new Set([...seen.values()].map(({ sender }) => sender))).toEqual(new Set(CORPUS));
  const quotes = [...seen.values()].filter(({ quote }) => quote !== null);
  expect(quotes.length).toBe(CORPUS.length - 1);

  const links = await page.locator(".text a").evaluateAll((all) => all.map((a) => [a.getAttribute("href")!, a.getAttribute("rel")]));
  for (const [href, rel] of links) {
    expect(href).toMatch(/^https?:\/\//);
    expect(rel).toBe("noopener noreferrer");
  }
  const names = await page.locator(".item-name").allTextContents();
  for (const name of CORPUS.slice(0, 20)) expect(names).toContain(name);
  // In what is read out as well.
  await post(daemon, channel, "sender-1", [CORPUS[1]!]);
  await until("it is said", async () => (await page.locator("[role=log]").textContent())?.includes(CORPUS[1]!));
  expect(await page.locator("[role=log] img").count()).toBe(0);

  expect(await page.evaluate(() => (window as unknown as { violations: string[] }).violations)).toEqual([]);
  expect(await page.evaluate(() => (window as unknown as { alerted?: boolean }).alerted)).toBeUndefined();
  expect(trouble).toEqual([]);
});

declare function held(id: string): number;
