// The page of the suite: one element, set up by what stands after the # of the address.
import "/sdk/element.js";

const { sub, name, ttl, url, channel, theme, dir, lang, strings } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
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
