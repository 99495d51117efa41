/** The page of tabs.test.ts: a client with the store in IndexedDB, for the test to drive. */
import { TenfourClient } from "../src/index.ts";
import { indexedDbStore } from "../src/indexeddb.ts";

const { url, token, reconnect = { minDelay: 20, maxDelay: 300 } } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const chat = new TenfourClient({ url, getToken: () => token, store: indexedDbStore(), reconnect });
/** How many messages another page would find. */
const kept = async () => (await indexedDbStore().load("dispatcher")).channels[0]?.messages.length;
Object.assign(globalThis, { chat, kept });
void chat.connect();
