/**
 * Loads what is older, page by page: the first page, the next one above, or as many as it takes to find something.
 *
 * Used by the message list, for the channel that is shown.
 */
import type { Channel, ChannelSnapshot, ChatMessage } from "@tenfour/client";

const PAGE = 60;
/** What the server gives at a time. */
export const LARGEST_PAGE = 200;
/** Pages that are loaded at most to find something. */
const PAGES = 300;

/** How many more it takes to open: enough to show all that is unread, where that is a page at most. */
export function lacking({ messages, hasOlder, joined, unread }: ChannelSnapshot): number {
  const enough = Math.min(LARGEST_PAGE, Math.max(PAGE, unread + 20));
  return hasOlder || !joined ? Math.max(0, enough - messages.length) : 0;
}

/** Without what has come above the first one that is shown; the same list where that is all. */
export function withoutOlder(messages: readonly ChatMessage[], shown: readonly ChatMessage[]): readonly ChatMessage[] {
  const from = shown[0]?.seq ?? 0;
  const rest = messages.slice(Math.max(0, messages.findIndex(({ seq }) => seq === 0 || seq >= from)));
  return rest.length === shown.length && rest.every((message, index) => message === shown[index]) ? shown : rest;
}

export class History {
  /** The last page did not come. */
  _failed = false;
  /** Something is looked for through many pages. */
  _busy = false;
  private _channel: Channel | null = null;

  constructor(private readonly _trouble: () => void) {}

  _open(channel: Channel | null): void {
    this._channel = channel;
    this._failed = this._busy = false;
  }

  _first(shot: ChannelSnapshot): void {
    const wanted = lacking(shot);
    if (wanted > 0) this._older(wanted);
  }

  _older(limit = PAGE): void {
    if (this._channel && !this._busy) void this._page(this._channel, limit);
  }

  /** Loads until it holds. `done` comes before anything else may happen; it is told whether it was found. */
  async _find(holds: (messages: readonly ChatMessage[]) => boolean, done: (found: boolean) => void): Promise<void> {
    const channel = this._channel;
    if (!channel || this._busy) return;
    this._busy = true;
    let found = holds(channel.messages);
    for (let pages = 0; this._busy && !found && pages < PAGES; pages++) {
      if (!channel.getSnapshot().hasOlder || !(await this._page(channel, LARGEST_PAGE))) break;
      found = holds(channel.messages);
    }
    if (!this._busy || this._channel !== channel) return;
    done(found);
    this._busy = false;
  }

  /** False if it did not come, or is not wanted any more. */
  private async _page(channel: Channel, limit: number): Promise<boolean> {
    this._failed = false;
    try {
      await channel.loadOlder({ limit });
      return this._channel === channel;
    } catch {
      if (this._channel !== channel) return false;
      this._failed = true;
      this._trouble();
      return false;
    }
  }
}
