/** The code in the READMEs compiles against the sources. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = `${root}js/test/readme.tmp`;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the blocks take for granted: the application's own. */
const AROUND = `
declare module "@/auth" { export function auth(): Promise<{ user?: { id: string; name: string } } | null>; }
declare function notify(...told: unknown[]): Promise<void>;
declare function handle(event: unknown, id: string): Promise<void>;
declare const express: { raw(options: object): unknown };
declare const app: {
  post(path: string, body: unknown, handler: (
    request: import("node:http").IncomingMessage & { body: Buffer }, response: { sendStatus(code: number): void },
  ) => Promise<void>): void;
};
`;

test("the code in the READMEs is true", () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  let count = 0;
  for (const readme of ["js/README.md", "server/README.md"]) {
    const text = readFileSync(root + readme, "utf8");
    for (const [, kind, code] of text.matchAll(/```(tsx?)[^\n]*\n([^]*?)```/g)) {
      const given = code!.includes("client={chat}") ? 'import type { TenfourClient } from "@tenfour/client";\ndeclare const chat: TenfourClient;\ndeclare const channelId: string;\n' : "";
      writeFileSync(`${folder}/block${count++}.${kind}`, `${given}${code}\nexport {};\n`);
    }
  }
  expect(count).toBe(8);
  writeFileSync(`${folder}/around.d.ts`, AROUND);
  const compilerOptions = { types: ["node"], jsx: "react-jsx", noUncheckedIndexedAccess: false };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ extends: "../../../tsconfig.base.json", compilerOptions, include: ["*"] }));
  const tsc = [`${root}node_modules/typescript/bin/tsc`, "-p", folder];
  expect(spawnSync(process.execPath, tsc, { encoding: "utf8" }).stdout).toBe("");
});
