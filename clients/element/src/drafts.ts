/**
 * What was begun and not sent, per user and channel, kept over a reload: what was typed, what it answers, which
 * files are uploaded for it, an edit.
 *
 * Used by the composer and the channel list. It lasts as long as the tab, so that two tabs keep theirs apart, and until the
 * user signs out. Where the browser gives no storage it is kept in memory.
 */
import type { Attachment, ChatMessage } from "@tenfour/client";
import type { Named } from "./naming.ts";

/** As much of a message as it takes to answer or change it. */
export type Subject = Pick<ChatMessage, "id" | "mine" | "senderName" | "content">;

export interface Draft {
  readonly text: string;
  /** What it answers. */
  readonly reply?: Subject | undefined;
  /** What is uploaded for it. */
  readonly files?: readonly Attachment[] | undefined;
  /** It asks for an answer: within so many minutes, or 0, at any time. */
  readonly ask?: number | undefined;
  /** Who was chosen to be named, whether or not the name still stands there. */
  readonly mentions?: readonly Named[] | undefined;
  /** A change of a message, which leaves the draft beside it as it is. */
  readonly edit?: { readonly message: Subject; readonly text: string } | undefined;
}

const NOTHING: Draft = { text: "" };
const PREFIX = "tenfour:draft:";

export class Drafts {
  private readonly _held = new Map<string, Draft>();
  private _user = "";

  /** Another user's drafts are not seen. */
  _bind(user: string): void {
    if (this._user === user) return;
    // What was begun before it was known who it is, is theirs: beside what they have kept, not instead of it.
    const before = this._user === "" ? [...this._held] : [];
    this._held.clear();
    this._user = user;
    for (const [channel, { text, reply, edit, files, ask, mentions }] of before) {
      const kept = this._get(channel);
      const both = [kept.text, text].filter(Boolean).join("\n");
      const all = [...(kept.files ?? []), ...(files ?? [])];
      this._set(channel, { text: both, reply: reply ?? kept.reply, edit: edit ?? kept.edit, files: all.length > 0 ? all : undefined, ask: ask ?? kept.ask, mentions: [...(kept.mentions ?? []), ...(mentions ?? [])] });
    }
  }

  _get(channel: string): Draft {
    const held = this._held.get(channel);
    if (held || !this._user) return held ?? NOTHING;
    let draft = NOTHING;
    try {
      draft = JSON.parse(sessionStorage.getItem(this._name(channel)) ?? "null") ?? NOTHING;
    } catch {
      // No storage here: private mode, or a sandboxed frame.
    }
    this._held.set(channel, draft);
    return draft;
  }

  _set(channel: string, draft: Draft): void {
    this._held.set(channel, draft);
    if (!this._user) return;
    try {
      if (draft.text || draft.reply || draft.edit || draft.files || draft.ask !== undefined) sessionStorage.setItem(this._name(channel), JSON.stringify(draft));
      else sessionStorage.removeItem(this._name(channel));
    } catch {
      // Full, or not allowed: it stays in memory.
    }
  }

  /** Forgets all of this user; of everybody, if it never became known who that is. */
  _purge(): void {
    this._held.clear();
    try {
      const names = Object.keys(sessionStorage).filter((name) => name.startsWith(this._user ? this._name("") : PREFIX));
      for (const name of names) sessionStorage.removeItem(name);
    } catch {
      // Then nothing was kept either.
    }
  }

  private _name(channel: string): string {
    return `${PREFIX}${this._user}:${channel}`;
  }
}

/** Without what else a message holds: this is kept on the device. */
export function subject({ id, mine, senderName, content }: Subject): Subject {
  return { id, mine, senderName, content };
}
