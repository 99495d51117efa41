// Makes the types of what is on the wire out of openapi.json, which is the server's own word: for each package those that it
// uses and whatever these are made of.
//
//   node generate.mjs           writes types.gen.ts of each package
//   node generate.mjs --check   fails if one is not what the schema gives

import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const PACKAGES = {
  js: ["ClientFrame", "ServerFrame", "Members", "Channels", "Messages", "Revisions", "SearchPage"],
  server: ["Channels", "Members", "Messages", "Problem", "WebhookEvent", "Webhooks", "WebhookWithSecret", "Deliveries", "Tested", "Replayed", "Replay"],
};

const openapi = JSON.parse(readFileSync(new URL("openapi.json", import.meta.url), "utf8"));
const all = openapi.components.schemas;

/** The schemas that these stand on, themselves among them, in the order of their names. */
function closure(names) {
  const found = new Set();
  const look = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, other] of JSON.stringify(all[name]).matchAll(/"#\/components\/schemas\/(\w+)"/g)) look(other);
  };
  names.forEach(look);
  return Object.fromEntries([...found].sort().map((name) => [name, all[name]]));
}

for (const [name, uses] of Object.entries(PACKAGES)) {
  const made = await openapiTS({ ...openapi, paths: {}, components: { schemas: closure(uses) } });
  const text = `// Made from openapi.json by generate.mjs.\n\n${astToString(made)}`;
  const file = new URL(`${name}/src/types.gen.ts`, import.meta.url);
  if (process.argv[2] !== "--check") writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) throw new Error(`${name}/src/types.gen.ts is another one: npm run generate`);
}
