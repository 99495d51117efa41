/**
 * How it looks: colours and sizes from custom properties, the frame, the conversations, the head, the composer.
 *
 * Used by the element as style sheets that all elements share. Positions are logical, so that right-to-left needs nothing.
 *
 * For the page: --tenfour-accent, -background, -surface, -text, -muted, -border, -bubble-own, -bubble-other, -danger, -font,
 * -font-size, -radius, -space; and the parts.
 */
import { ANSWERS } from "./styles-answers.ts";
import { MESSAGES } from "./styles-messages.ts";

const FRAME = `
:host {
  display: block; block-size: 100%; min-block-size: 280px; inline-size: 100%; color-scheme: light dark; contain: layout style;
  --_accent: var(--tenfour-accent, light-dark(#2f5fe3, #84a9ff));
  --_bg: var(--tenfour-background, light-dark(#ffffff, #131519));
  --_surface: var(--tenfour-surface, light-dark(#f6f7f9, #191c21));
  --_fg: var(--tenfour-text, light-dark(#171a21, #e9ebef));
  --_muted: var(--tenfour-muted, light-dark(#5b6372, #a3acba));
  --_line: var(--tenfour-border, light-dark(#e7e9ee, #2a2e36));
  --_own: var(--tenfour-bubble-own, light-dark(color-mix(in oklab, var(--_accent) 14%, var(--_bg)), color-mix(in oklab, var(--_accent) 26%, var(--_bg))));
  --_other: var(--tenfour-bubble-other, light-dark(#f1f3f6, #23272f));
  --_danger: var(--tenfour-danger, light-dark(#c0262d, #ff8a85));
  --_on-accent: var(--tenfour-on-accent, light-dark(#ffffff, #0d1424));
  --_strong: color-mix(in oklab, var(--_accent) 80%, var(--_fg));
  --_hover: color-mix(in oklab, var(--_fg) 6%, transparent);
  --_r: var(--tenfour-radius, 18px);
  --_s: var(--tenfour-space, 16px);
  --_shadow: 0 1px 2px rgb(0 0 0 / .08), 0 4px 16px rgb(0 0 0 / .12);
  font: 400 var(--tenfour-font-size, 15px)/1.4 var(--tenfour-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  color: var(--_fg);
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, input, textarea { font: inherit; color: inherit; margin: 0; }
button { border: 0; background: none; padding: 0; cursor: pointer; -webkit-tap-highlight-color: transparent; }
button:disabled { cursor: default; opacity: .5; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
h2, p { margin: 0; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { inline-size: 20px; block-size: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; display: block; }
.flip:dir(rtl) { transform: scaleX(-1); }

.root { container: tenfour / inline-size; position: relative; block-size: 100%; display: flex; flex-direction: column; overflow: hidden; background: var(--_bg); }
.columns { flex: 1; min-block-size: 0; display: grid; grid-template: minmax(0, 1fr) / minmax(230px, 32%) minmax(0, 1fr); }
@container tenfour (min-width: 960px) { .columns { grid-template-columns: 320px minmax(0, 1fr); } }

.banner { display: flex; align-items: center; gap: 10px; padding: 8px var(--_s); font-size: .9em; border-block-end: 1px solid var(--_line); background: light-dark(#fdf3dc, #33290f); color: light-dark(#5c4308, #f5d98f); }
.banner[data-state="catching-up"] { background: color-mix(in oklab, var(--_accent) 12%, var(--_bg)); color: var(--_fg); }
.banner[data-state="stopped"] { background: light-dark(#fdeaea, #3a1c1d); color: light-dark(#8c1a20, #ffb3af); }
.banner-text { flex: 1; min-inline-size: 0; font-variant-numeric: tabular-nums; }
.banner .link { color: inherit; }
.pulse { inline-size: 8px; block-size: 8px; border-radius: 50%; background: currentColor; flex: none; animation: pulse 1.4s ease-in-out infinite; }
.banner[data-state="stopped"] .pulse { animation: none; }
@keyframes pulse { 50% { opacity: .25; } }
.link { font-weight: 600; color: var(--_strong); text-decoration: underline; text-underline-offset: 2px; border-radius: 4px; padding: 2px 4px; }

.side { min-inline-size: 0; display: flex; flex-direction: column; background: var(--_surface); border-inline-end: 1px solid var(--_line); }
.side-head { padding: 12px; }
.search-box { position: relative; color: var(--_muted); }
.search-box .icon { position: absolute; inset-inline-start: 12px; inset-block-start: calc(50% - 9px); inline-size: 18px; block-size: 18px; }
.search { inline-size: 100%; block-size: 40px; padding-inline: 38px 12px; border: 1px solid var(--_line); border-radius: 12px; background: var(--_bg); color: var(--_fg); }
::placeholder { color: var(--_muted); opacity: 1; }
.search:focus-visible { outline-offset: -1px; }
.channels { flex: 1; min-block-size: 0; overflow: hidden auto; padding: 2px 8px 12px; scrollbar-width: thin; scrollbar-color: light-dark(#c9ced8, #3a404b) transparent; }
.item { display: flex; align-items: center; gap: 12px; min-block-size: 64px; padding: 8px 10px; margin-block-end: 2px; border-radius: 12px; cursor: pointer; content-visibility: auto; contain-intrinsic-block-size: auto 64px; position: relative; }
.item:hover { background: var(--_hover); }
.item:focus-visible { outline-offset: -2px; }
.item[aria-selected="true"] { background: color-mix(in oklab, var(--_accent) 14%, var(--_surface)); }
.item-text { flex: 1; min-inline-size: 0; }
.item-row { display: flex; align-items: baseline; gap: 8px; }
.item-row + .item-row { margin-block-start: 2px; align-items: center; min-block-size: 20px; }
.item-name, .item-last { flex: 1; min-inline-size: 0; display: flex; white-space: nowrap; }
.item-name bdi, .item-said, .item-who bdi { overflow: hidden; text-overflow: ellipsis; }
.item-name { font-weight: 600; font-size: .97em; }
.item-last { font-size: .88em; color: var(--_muted); }
.item-who { flex: none; max-inline-size: 50%; display: flex; white-space: pre; }
.item-last.is-typing { color: var(--_strong); }
.item-last.is-draft .item-who { color: var(--_danger); }
.item-time { font-size: .78em; color: var(--_muted); white-space: nowrap; font-variant-numeric: tabular-nums; }
.has-unread .item-time { color: var(--_strong); font-weight: 600; }
.has-unread .item-last { color: var(--_fg); }
.badge { min-inline-size: 20px; block-size: 20px; padding-inline: 6px; border-radius: 10px; background: var(--_accent); color: var(--_on-accent); font-size: .74em; font-weight: 700; line-height: 20px; text-align: center; font-variant-numeric: tabular-nums; flex: none; }
.searching .channels { flex: 0 1 auto; max-block-size: 45%; }
.searching .side > .nothing, .searching > .nothing { padding-block: 16px; }
.found { flex: 1; min-block-size: 0; display: flex; flex-direction: column; border-block-start: 1px solid var(--_line); }
.found-head { display: flex; align-items: baseline; gap: 8px; padding: 10px 18px 4px; font-size: .84em; }
.found-title { font-size: 1em; font-weight: 650; }
.found-status { color: var(--_muted); font-variant-numeric: tabular-nums; }
.found-files { margin-inline-start: auto; padding: 2px 10px; border: 1px solid var(--_line); border-radius: 14px; text-decoration: none; }
.found-files[aria-pressed="true"] { background: var(--_accent); border-color: transparent; color: var(--_on-accent); }
.found-scroll { flex: 1; min-block-size: 0; overflow: hidden auto; padding: 0 8px 12px; scrollbar-width: thin; scrollbar-color: light-dark(#c9ced8, #3a404b) transparent; }
.hit { padding: 8px 10px; border-radius: 12px; cursor: pointer; }
.hit:hover { background: var(--_hover); }
.hit:focus-visible { outline-offset: -2px; }
.hit-said { font-size: .88em; color: var(--_muted); overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.hit mark { background: light-dark(#ffe58a, #6b5412); color: var(--_fg); border-radius: 3px; }
.found-trouble { padding: 8px 10px; color: var(--_danger); font-size: .88em; }
.found-more { margin: 6px 10px; }
.nothing { padding: 32px var(--_s); text-align: center; color: var(--_muted); }

.avatar { --_size: 44px; position: relative; flex: none; inline-size: var(--_size); block-size: var(--_size); border-radius: 50%; display: grid; place-items: center; background: light-dark(oklch(.91 .05 var(--_hue)), oklch(.36 .06 var(--_hue))); color: light-dark(oklch(.38 .1 var(--_hue)), oklch(.91 .06 var(--_hue))); font-weight: 650; font-size: calc(var(--_size) * .36); line-height: 1; letter-spacing: .01em; user-select: none; }
.avatar.group { border-radius: 30%; }
.dot { position: absolute; inset-block-end: -1px; inset-inline-end: -1px; inline-size: 13px; block-size: 13px; border-radius: 50%; background: light-dark(#1a9c58, #46c983); border: 2.5px solid var(--_surface); }
.head .dot { border-color: var(--_bg); }

.main { position: relative; min-inline-size: 0; min-block-size: 0; display: flex; }
.pane { position: relative; flex: 1; min-inline-size: 0; min-block-size: 0; display: flex; flex-direction: column; }
.blank { margin: auto; padding: var(--_s); text-align: center; color: var(--_muted); }
.blank .icon { inline-size: 44px; block-size: 44px; margin: 0 auto 12px; stroke-width: 1.2; opacity: .7; }
.blank-title { font-weight: 600; color: var(--_fg); margin-block-end: 2px; }
.head { display: flex; align-items: center; gap: 12px; min-block-size: 64px; padding: 8px var(--_s); border-block-end: 1px solid var(--_line); }
.head .avatar { --_size: 38px; }
.head-text { flex: 1; min-inline-size: 0; }
.head-name { font-size: 1.03em; font-weight: 650; line-height: 1.3; }
.head-name, .head-about { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.head-about { font-size: .84em; color: var(--_muted); min-block-size: 1.3em; line-height: 1.3; }
.round.back { display: none; margin-inline-start: -10px; }
.round { inline-size: 36px; block-size: 36px; border-radius: 50%; display: grid; place-items: center; flex: none; color: var(--_muted); }
.round:hover { background: var(--_hover); }

.typing { block-size: 22px; padding-inline: var(--_s); display: flex; align-items: center; gap: 8px; font-size: .84em; color: var(--_muted); overflow: hidden; white-space: nowrap; flex: none; }
.dots { display: inline-flex; gap: 3px; }
.dots i { inline-size: 5px; block-size: 5px; border-radius: 50%; background: currentColor; animation: hop 1.2s ease-in-out infinite; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
@keyframes hop { 0%, 60%, 100% { transform: none; opacity: .5; } 30% { transform: translateY(-3px); opacity: 1; } }

.composer { padding: 0 var(--_s) var(--_s); flex: none; }
.writing { display: flex; align-items: flex-end; gap: 6px; padding: 4px; border: 1px solid var(--_line); border-radius: 24px; background: var(--_surface); transition: border-color .15s; }
.writing:focus-within { border-color: var(--_accent); box-shadow: 0 0 0 1px var(--_accent); }
.input { flex: 1; min-inline-size: 0; resize: none; border: 0; background: none; padding: 8px 4px 8px 12px; padding-inline: 14px 4px; line-height: 1.4; max-block-size: 9.5em; min-block-size: 38px; field-sizing: content; overflow: hidden auto; scrollbar-width: thin; }
.input:focus-visible { outline: none; }
.send { inline-size: 38px; block-size: 38px; border-radius: 50%; display: grid; place-items: center; flex: none; background: var(--_accent); color: var(--_on-accent); transition: background .15s, color .15s, transform .1s; }
.send:active { transform: scale(.94); }
.empty .send { background: transparent; color: var(--_muted); }
.attach { inline-size: 38px; block-size: 38px; border-radius: 50%; display: grid; place-items: center; flex: none; color: var(--_muted); }
.attach:hover:not(:disabled) { background: var(--_hover); color: var(--_fg); }
.chips { list-style: none; display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 2px 2px 8px; max-block-size: 190px; overflow: hidden auto; scrollbar-width: thin; }
.chip { display: flex; align-items: center; gap: 8px; inline-size: min(260px, 100%); padding: 6px 4px 6px 8px; padding-inline: 8px 4px; border: 1px solid var(--_line); border-radius: 12px; background: var(--_surface); font-size: .86em; }
.chip[data-state="failed"] { border-color: var(--_danger); flex-wrap: wrap; }
.chip-picture { inline-size: 40px; block-size: 40px; border-radius: 8px; display: grid; place-items: center; flex: none; overflow: hidden; background: var(--_hover); color: var(--_muted); }
.chip-picture img { inline-size: 40px; block-size: 40px; object-fit: cover; }
.chip-words { flex: 1; min-inline-size: 0; display: flex; flex-direction: column; gap: 1px; }
.chip-name, .file-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
.chip-about { color: var(--_muted); font-variant-numeric: tabular-nums; }
.chip[data-state="failed"] .chip-about { color: var(--_danger); }
.chip-bar { block-size: 4px; border-radius: 2px; background: var(--_line); overflow: hidden; margin-block-start: 2px; }
.chip-bar i { display: block; block-size: 100%; background: var(--_accent); }
.chip-retry { white-space: nowrap; }
.waiting-files { padding: 0 14px 6px; font-size: .86em; color: var(--_muted); }
.drop { position: absolute; inset: 8px; z-index: 4; display: grid; place-content: center; justify-items: center; gap: 8px; border: 2px dashed var(--_accent); border-radius: 18px; background: color-mix(in oklab, var(--_bg) 88%, transparent); font-weight: 600; pointer-events: none; }
.viewer { max-inline-size: calc(100% - 32px); inline-size: fit-content; max-block-size: calc(100% - 32px); }
.viewer[open] { display: flex; flex-direction: column; }
.viewer h2 { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; flex: none; }
.viewer-picture { min-block-size: 0; max-inline-size: 100%; max-block-size: 100%; inline-size: auto; block-size: auto; object-fit: contain; align-self: center; border-radius: 8px; }
.viewer .buttons { align-items: center; flex: none; }
.viewer-size { margin-inline-end: auto; color: var(--_muted); font-size: .88em; }
.about, .asking { display: flex; align-items: center; gap: 8px; padding: 4px 4px 8px; }
.about-text { flex: 1; min-inline-size: 0; padding-inline-start: 10px; border-inline-start: 3px solid var(--_accent); border-radius: 2px; font-size: .88em; }
.quote-name, .quote-text { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.quote-name { font-weight: 600; color: var(--_strong); }
.about .quote-text { color: var(--_muted); }
.trouble { color: var(--_danger); font-size: .86em; padding: 0 14px 6px; }
.toast { position: absolute; inset-block-end: 92px; inset-inline: var(--_s); margin-inline: auto; inline-size: fit-content; max-inline-size: calc(100% - 2 * var(--_s)); padding: 8px 14px; border-radius: 12px; background: var(--_fg); color: var(--_bg); font-size: .88em; box-shadow: var(--_shadow); z-index: 3; }

.dialog { border: 1px solid var(--_line); border-radius: 18px; padding: 24px; max-inline-size: min(360px, calc(100% - 32px)); background: var(--_bg); color: var(--_fg); box-shadow: 0 12px 48px rgb(0 0 0 / .28); }
.dialog::backdrop { background: rgb(8 10 14 / .45); }
.dialog h2 { font-size: 1.1em; margin-block-end: 6px; }
.dialog p { color: var(--_muted); }
.history { inline-size: min(520px, calc(100% - 32px)); max-inline-size: none; max-block-size: min(80%, 640px); }
.history[open] { display: flex; flex-direction: column; }
.history-body { overflow: hidden auto; min-block-size: 0; border-radius: 6px; scrollbar-width: thin; overscroll-behavior: contain; }
.history-list { list-style: none; margin: 0; padding: 0; }
.history-list li { padding-block: 10px; border-block-end: 1px solid var(--_line); }
.history time { font-size: .8em; color: var(--_muted); }
.history .history-text { color: var(--_fg); white-space: pre-wrap; overflow-wrap: anywhere; }
.history-deleted { padding-block: 10px 0; }
.dialog .history-trouble { color: var(--_danger); }
.buttons { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; margin-block-start: 22px; }
.button { min-block-size: 40px; padding-inline: 16px; border-radius: 12px; font-weight: 600; background: var(--_hover); }
.button.danger { background: var(--_danger); color: light-dark(#fff, #2a0d0d); }

@container tenfour (max-width: 560px) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .root[data-show="chat"] .side, .root:not([data-show="chat"]) .main { display: none; }
  .side { border: 0; }
  .round.back { display: grid; }
  .head { padding-inline-start: 12px; }
}
.root:not([data-show="chat"]) .columns { grid-auto-rows: 100%; }
@media (pointer: coarse) {
  .round, .send, .attach { inline-size: 44px; block-size: 44px; }
  .input, .search, .button, .note { min-block-size: 44px; font-size: max(16px, 1em); }
  .input { padding-block: 10.5px; }
  .link { min-block-size: 44px; min-inline-size: 44px; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
  .flash .bubble { box-shadow: 0 0 0 3px color-mix(in oklab, var(--_accent) 55%, transparent); }
}
@media (forced-colors: active) {
  .bubble, .item, .badge, .send { border: 1px solid CanvasText; }
  .item[aria-selected="true"] { outline: 2px solid Highlight; }
}
`;

let made: CSSStyleSheet[] | undefined;

export function sheets(): CSSStyleSheet[] {
  return (made ??= [FRAME, MESSAGES, ANSWERS].map((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  }));
}
