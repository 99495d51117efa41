/** How messages look: bubbles, dividers, quotes, ticks, and the buttons that lead through them. Used by styles.ts. */
export const MESSAGES = `
.messages { position: relative; flex: 1; min-block-size: 0; display: flex; }
.scroller { flex: 1; min-inline-size: 0; overflow: hidden auto; overflow-anchor: none; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: light-dark(#c9ced8, #3a404b) transparent; scrollbar-gutter: stable; }
.feed { min-block-size: 100%; display: flex; flex-direction: column; justify-content: flex-end; }
.feed:focus-visible { outline-offset: -3px; }
.row { flex: none; padding-block-start: 2px; position: relative; }
.row.first { padding-block-start: 12px; }
.row:focus-visible { outline: none; }
.row:focus-visible .bubble { outline: 2px solid var(--_accent); outline-offset: 2px; }
.line { display: flex; align-items: flex-end; gap: 8px; padding-inline: var(--_s) calc(var(--_s) - 4px); }
.own .line { justify-content: flex-end; }
.row .avatar { --_size: 30px; }
.row:not(.last) .avatar { visibility: hidden; }

.bubble { position: relative; min-inline-size: 0; max-inline-size: min(74%, 34em); padding: 7px 12px 8px; background: var(--_other); border-radius: var(--_r); border-start-start-radius: 6px; border-end-start-radius: 6px; }
.own .bubble { background: var(--_own); border-radius: var(--_r); border-start-end-radius: 6px; border-end-end-radius: 6px; }
.first .bubble { border-start-start-radius: var(--_r); }
.last .bubble { border-end-start-radius: var(--_r); }
.own.first .bubble { border-start-end-radius: var(--_r); }
.own.last .bubble { border-end-end-radius: var(--_r); }
.failed .bubble { background: color-mix(in oklab, var(--_danger) 12%, var(--_bg)); }
.deleted .bubble { background: none; box-shadow: inset 0 0 0 1px var(--_line); }
.deleted .text { color: var(--_muted); font-style: italic; }
.pending .text { color: color-mix(in oklab, var(--_fg) 78%, var(--_own)); }
.sender { display: block; font-size: .84em; font-weight: 650; margin-block-end: 1px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: light-dark(oklch(.45 .12 var(--_hue)), oklch(.82 .1 var(--_hue))); }
.body { display: flow-root; white-space: pre-wrap; overflow-wrap: anywhere; }
.text a { color: var(--_strong); text-underline-offset: 2px; border-radius: 3px; }
.own .text a { color: inherit; text-decoration-color: var(--_accent); }
.meta { float: inline-end; display: inline-flex; align-items: center; gap: 4px; margin-inline-start: 12px; margin-block: 6px -4px; font-size: .74em; color: var(--_muted); white-space: nowrap; font-variant-numeric: tabular-nums; line-height: 1.5; }
.own .meta { color: color-mix(in oklab, var(--_fg) 68%, var(--_own)); }
.edited::after { content: " ·"; }
.look { color: inherit; font: inherit; text-decoration: underline; text-decoration-style: dotted; text-underline-offset: 2px; border-radius: 4px; }
.look:hover { color: var(--_fg); }
@media (pointer: coarse) { .look { min-block-size: 32px; padding-inline: 6px; } }
.tick .icon { inline-size: 16px; block-size: 16px; }
.tick.read { color: var(--_accent); }
.tick.failed { color: var(--_danger); }
.below { padding: 3px calc(var(--_s) + 8px) 0; font-size: .78em; color: var(--_muted); text-align: end; }
.failure { color: var(--_danger); }
.failure .link { color: inherit; }

.attached { display: flex; flex-wrap: wrap; gap: 6px; margin-block: 2px 4px; }
.picture { max-inline-size: 100%; border-radius: 10px; overflow: hidden; background: color-mix(in oklab, var(--_fg) 8%, transparent); }
.picture img { display: block; inline-size: 100%; block-size: 100%; object-fit: cover; visibility: hidden; }
.picture.shown img { visibility: visible; }
.file { display: flex; align-items: center; gap: 10px; min-block-size: 50px; inline-size: 260px; max-inline-size: 100%; padding: 6px 12px; text-align: start; border-radius: 10px; background: color-mix(in oklab, var(--_fg) 6%, transparent); font-size: .9em; }
.file:hover { background: color-mix(in oklab, var(--_fg) 11%, transparent); }
.file[aria-busy] .icon { animation: pulse 1.4s ease-in-out infinite; }
.file-words { min-inline-size: 0; display: flex; flex-direction: column; }
.file-size { font-size: .88em; color: color-mix(in oklab, var(--_fg) 70%, transparent); }
.quote { display: block; inline-size: 100%; max-inline-size: 100%; min-block-size: 38px; margin-block: 2px 5px; padding: 4px 10px; text-align: start; border-inline-start: 3px solid var(--_accent); border-radius: 6px; background: color-mix(in oklab, var(--_fg) 5%, transparent); font-size: .88em; contain: inline-size; min-inline-size: min(200px, 50cqi); }
.quote:hover { background: color-mix(in oklab, var(--_fg) 10%, transparent); }
.quote .quote-name { color: inherit; }
.quote .quote-text { color: color-mix(in oklab, var(--_fg) 74%, transparent); }

.day, .unread { display: flex; align-items: center; justify-content: center; padding: 14px var(--_s) 4px; font-size: .78em; font-weight: 600; color: var(--_muted); }
.day span { padding: 3px 12px; border-radius: 12px; background: color-mix(in oklab, var(--_fg) 5%, var(--_bg)); }
.unread { gap: 12px; color: var(--_danger); padding-block-start: 10px; }
.unread::before, .unread::after { content: ""; flex: 1; block-size: 1px; background: color-mix(in oklab, var(--_danger) 35%, transparent); }

.tools { position: absolute; z-index: 2; inset-block-start: -22px; inset-inline-start: 8px; display: none; padding: 2px; border-radius: 12px; background: var(--_bg); border: 1px solid var(--_line); box-shadow: var(--_shadow); }
.own .tools { inset-inline: auto 8px; }
@container tenfour (max-width: 560px) { .bubble { max-inline-size: 84%; } }
@container tenfour (min-width: 860px) {
  .tools { inset-block-start: 1px; inset-inline: calc(100% + 6px) auto; }
  .own .tools { inset-inline: auto calc(100% + 6px); }
}
.row:focus-within .tools { display: flex; }
@media (hover: hover) { .row:hover .tools { display: flex; } }
.tool { inline-size: 34px; block-size: 30px; border-radius: 9px; display: grid; place-items: center; color: var(--_muted); }
.tool:hover { background: var(--_hover); color: var(--_fg); }
.tool[data-act="delete"]:hover { color: var(--_danger); }
.tool .icon { inline-size: 18px; block-size: 18px; }
.flash .bubble { animation: flash 1.8s ease-out; }
@keyframes flash { 0%, 40% { box-shadow: 0 0 0 3px color-mix(in oklab, var(--_accent) 55%, transparent); } 100% { box-shadow: 0 0 0 3px transparent; } }
@media (prefers-reduced-motion: reduce) { .flash .bubble { box-shadow: 0 0 0 3px var(--_accent); } }

.jump-down, .jump-up { position: absolute; z-index: 2; display: flex; align-items: center; justify-content: center; background: var(--_bg); color: var(--_fg); border: 1px solid var(--_line); box-shadow: var(--_shadow); }
.jump-down { inset-block-end: 10px; inset-inline-end: var(--_s); inline-size: 44px; block-size: 44px; border-radius: 50%; }
.jump-down .badge { position: absolute; inset-block-start: -9px; inset-inline-end: -4px; }
.jump-up { inset-block-start: 12px; inset-inline: 0; margin-inline: auto; inline-size: fit-content; gap: 6px; min-block-size: 36px; padding-inline: 12px 16px; border-radius: 18px; font-size: .86em; font-weight: 600; color: var(--_strong); }
.jump-up .icon { inline-size: 18px; block-size: 18px; }
@media (pointer: coarse) { .jump-up { min-block-size: 44px; border-radius: 22px; } .quote { min-block-size: 44px; } .tool { inline-size: 44px; block-size: 44px; } .tools { inset-block-start: -42px; } }
.messages > .nothing { position: absolute; inset: 0; display: grid; place-items: center; pointer-events: none; }
.loading { position: absolute; inset-block-start: 10px; inset-inline: 0; margin-inline: auto; inline-size: 30px; block-size: 30px; border-radius: 50%; background: var(--_bg); box-shadow: var(--_shadow); display: grid; place-items: center; pointer-events: none; animation: late .4s; }
@keyframes late { 0%, 90% { opacity: 0; } 100% { opacity: 1; } }
.spinner { inline-size: 16px; block-size: 16px; border-radius: 50%; border: 2px solid var(--_line); border-block-start-color: var(--_accent); animation: spin .8s linear infinite; }
@keyframes spin { to { transform: rotate(1turn); } }
.load-trouble { position: absolute; inset-block-start: 10px; inset-inline: var(--_s); margin-inline: auto; inline-size: fit-content; padding: 6px 14px; border-radius: 16px; background: var(--_bg); border: 1px solid var(--_line); box-shadow: var(--_shadow); font-size: .86em; z-index: 2; }
`;
