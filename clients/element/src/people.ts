/** Who is who in a channel: names by id, and who is in it. Used by rows, which show more people than the sender. Pure. */
import type { ChannelSnapshot, ChatMessage } from "@tenfour/client";
import type { Strings } from "./strings.ts";

export class People {
  constructor(
    readonly _me: string,
    private readonly _shot: ChannelSnapshot,
    private readonly _names: ReadonlyMap<string, string>,
  ) {}

  _name(id: string, strings: Strings): string {
    return id === this._me ? strings.you : this._names.get(id) || strings.somebody;
  }

  get _here(): readonly string[] {
    return this._shot.memberIds;
  }

  /** The others who are in it and whose names are known. */
  _others(): { id: string; name: string }[] {
    return this._shot.memberIds.flatMap((id) => {
      const name = this._names.get(id);
      return name && id !== this._me ? [{ id, name }] : [];
    });
  }

  /** The same ones, as long as nothing has changed: then no row is made anew for them. */
  static _of(was: People | null, me: string, shot: ChannelSnapshot, messages: readonly ChatMessage[]): People {
    const { memberIds, members, peer } = shot;
    const before = was?._shot;
    if (was?._me === me && before?.memberIds === memberIds && before.members === members && before.peer === peer) return was;
    // Who has left is called as ever.
    const names = new Map(before?.id === shot.id ? was!._names : []);
    for (const { senderId, senderName } of messages) names.set(senderId, senderName);
    for (const { id, name } of [...(members ?? []), ...(peer ? [peer] : [])]) if (name) names.set(id, name);
    return new People(me, shot, names);
  }
}
