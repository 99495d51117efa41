/** The whole client in one file, as the daemon serves it: /sdk/tenfour.js. */
export * from "./index.ts";
export { indexedDbStore } from "./indexeddb.ts";
