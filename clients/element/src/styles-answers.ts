/** How reactions, mentions, and what a message asks for look. Used by styles.ts. */
export const ANSWERS = `
.reactions { display: flex; flex-wrap: wrap; gap: 4px; margin-block-start: 6px; }
.reaction { display: inline-flex; align-items: center; gap: 5px; min-block-size: 26px; max-inline-size: 100%; padding-inline: 8px; border: 1px solid color-mix(in oklab, var(--_fg) 16%, transparent); border-radius: 22px; background: var(--_bg); font-size: .84em; line-height: 1; }
.reaction:hover:not(:disabled) { border-color: var(--_accent); }
.reaction:disabled { opacity: 1; }
.reaction[aria-pressed="true"] { border-color: var(--_accent); box-shadow: inset 0 0 0 1px var(--_accent); font-weight: 650; }
.reaction bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.4; }
.palette .reaction { min-block-size: 34px; min-inline-size: 34px; justify-content: center; font-size: 1.1em; }

.asking { font-size: .88em; }
.asking .note { flex: none; }
.names { margin: 0 12px 6px; }
.named .bubble { border-inline-start: 3px solid var(--_accent); }
.naming { font-weight: 700; color: var(--_strong); font-size: 1.15em; }

.asked { margin-block: 6px 2px; padding: 6px 10px 8px; border: 1px solid color-mix(in oklab, var(--_fg) 18%, transparent); border-radius: 10px; background: var(--_bg); font-size: .88em; clear: both; min-inline-size: min(220px, 50cqi); }
.asked-head { display: flex; align-items: center; gap: 6px; font-weight: 650; }
.asked-head .icon { inline-size: 16px; block-size: 16px; }
.answers { list-style: none; margin: 2px 0 0; padding: 0; overflow-wrap: anywhere; }
.muted { color: var(--_muted); }
q { margin-inline-start: 4px; }
.asked.overdue { border-color: var(--_danger); box-shadow: inset 0 0 0 1px var(--_danger); }
.overdue :is(.asked-head, .pending, .pending *) { color: var(--_danger); font-weight: 650; }
.answering { display: flex; flex-wrap: wrap; gap: 6px; margin-block-start: 6px; }
.answer, .note { min-block-size: 32px; padding-inline: 12px; border: 1px solid var(--_line); border-radius: 10px; background: var(--_bg); }
.answer { font-weight: 600; }
.answer:hover { background: var(--_hover); }
.note { flex: 1 1 120px; min-inline-size: 0; }
.attach[aria-pressed="true"] { color: var(--_strong); background: var(--_hover); }

@media (pointer: coarse) {
  .reaction { min-block-size: 36px; min-inline-size: 44px; justify-content: center; }
  .palette .reaction, .answer, .note { min-block-size: 44px; min-inline-size: 44px; }
}
@media (forced-colors: active) {
  .reaction[aria-pressed="true"] { outline: 2px solid Highlight; }
}
`;
