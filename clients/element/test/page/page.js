// The page of the suite: one element, set up by what stands after the # of the address.
import "/sdk/element.js";

const { sub, name, ttl, url, channel, theme, dir, lang, strings, ...rest } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
window.violations = [];
window.events = [];
window.tokens = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
if (dir) document.documentElement.dir = dir;
if (lang) document.documentElement.lang = lang;

const chat = document.createElement("tenfour-chat");
chat.setAttribute("url", url);
if (channel) chat.setAttribute("channel", channel);
for (const name of ["attachments", "reactions", "instructions"]) if (rest[name]) chat.setAttribute(name, rest[name]);
if (theme) chat.setAttribute("theme", theme);
if (strings) chat.strings = strings;
chat.getToken = async ({ reason }) => {
  window.tokens.push(reason);
  const query = new URLSearchParams({ sub, name: name ?? sub, ttl: ttl ?? 3600 });
  const answer = await fetch(`/token?${query}`);
  if (!answer.ok) throw Object.assign(new Error("signed out"), { name: "UnauthorizedError" });
  return answer.text();
};
for (const type of ["tenfour-channel", "tenfour-unread"]) {
  chat.addEventListener(type, (event) => window.events.push([type, event.detail]));
}
document.querySelector("main").append(chat);
window.chat = chat;
window.held = (id) => chat.client.channel(id).messages.length;
window.contents = (id) => chat.client.channel(id).messages.map(({ content }) => content);
window.send = (id, text) => void chat.client.channel(id).send(text).catch(() => {});
// How many messages wait in the browser's own store.
window.kept = () =>
  new Promise((done, failed) => {
    const opening = indexedDB.open(`tenfour ${new URL(url).origin}`);
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const keys = opening.result.transaction("kept").objectStore("kept").getAllKeys();
      keys.onsuccess = () => {
        opening.result.close();
        done(keys.result.filter(([, kind]) => kind === "entry").length);
      };
    };
  });
// The element's own client, before and after it is moved or taken away; and a client that is given to another element.
window.watch = () => (window.first = chat.client);
window.states = () => ({ first: first.connection.state, same: chat.client === first, client: chat.client !== null });
window.give = async () => {
  const { TenfourClient } = await import("/sdk/tenfour.js");
  window.given = new TenfourClient({ url, getToken: chat.getToken });
  const other = document.createElement("tenfour-chat");
  other.client = window.given;
  document.body.append(other);
};
window.attempt = () => chat.client.connection.attempt;
