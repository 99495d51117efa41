/**
 * `@tenfour/client/react`: the client's snapshots as hooks, on `useSyncExternalStore`.
 *
 * Safe in StrictMode (a provider that is mounted twice connects once) and on a server, where all is empty.
 */
import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { ReactElement, ReactNode } from "react";
import type { Channel } from "./channel.ts";
import type { TenfourClient } from "./client.ts";
import type {
  ChannelInfo,
  ChannelSnapshot,
  ChatMessage,
  ClientSnapshot,
  Connection,
  Draft,
  Presence,
  Typer,
} from "./types.ts";

const Context = createContext<TenfourClient | null>(null);
/** How many providers show a client. */
const shown = new WeakMap<TenfourClient, number>();

/** Connects the client while it is mounted, and hangs up afterwards; the client itself is the application's. */
export function TenfourProvider({ client, children }: { client: TenfourClient; children?: ReactNode }): ReactElement {
  useEffect(() => {
    shown.set(client, (shown.get(client) ?? 0) + 1);
    // How it goes is in the snapshot.
    client.connect().catch(() => {});
    return () => {
      shown.set(client, shown.get(client)! - 1);
      // StrictMode mounts again at once; then it stays connected.
      setTimeout(() => shown.get(client) || client.disconnect());
    };
  }, [client]);
  return createElement(Context.Provider, { value: client }, children);
}

export function useTenfour(): TenfourClient {
  const client = useContext(Context);
  if (!client) throw new Error("there is no <TenfourProvider> above");
  return client;
}

interface Source<T> {
  subscribe(callback: () => void): () => void;
  getSnapshot(): T;
}

/** A part of a snapshot; a render comes only when that part is another object. */
function useSource<T, R>(source: Source<T>, select: (snapshot: T) => R): R {
  const subscribe = useCallback((callback: () => void) => source.subscribe(callback), [source]);
  const get = () => select(source.getSnapshot());
  return useSyncExternalStore(subscribe, get, get);
}

const all = <T>(snapshot: T) => snapshot;

export function useConnection(): Connection {
  return useSource(useTenfour(), (snapshot) => snapshot.connection);
}

export function useChannels(): { channels: readonly ChannelInfo[]; isLoading: boolean } {
  const { channels, connection, user } = useSource<ClientSnapshot, ClientSnapshot>(useTenfour(), all);
  return { channels, isLoading: !user && connection.state === "connecting" };
}

function useHandle(id: string): Channel {
  const client = useTenfour();
  return useMemo(() => client.channel(id), [client, id]);
}

export function useChannel(id: string): ChannelSnapshot {
  return useSource<ChannelSnapshot, ChannelSnapshot>(useHandle(id), all);
}

export interface UseMessages {
  messages: readonly ChatMessage[];
  hasOlder: boolean;
  isLoading: boolean;
  /** Of the last attempt to load history. */
  error: Error | null;
  send(draft: Draft | string): Promise<ChatMessage>;
  retry(clientId: string): Promise<ChatMessage>;
  cancel(clientId: string): boolean;
  edit(messageId: string, content: string): Promise<ChatMessage>;
  remove(messageId: string): Promise<ChatMessage>;
  loadOlder(): Promise<void>;
}

/** The messages of a channel. The newest page is loaded by itself. */
export function useMessages(id: string, { limit = 50 }: { limit?: number } = {}): UseMessages {
  const channel = useHandle(id);
  const { messages, hasOlder, isLoading } = useChannel(id);
  const [error, setError] = useState<Error | null>(null);
  const actions = useMemo(
    () => ({
      send: (draft: Draft | string) => channel.send(draft),
      retry: (clientId: string) => channel.retry(clientId),
      cancel: (clientId: string) => channel.cancel(clientId),
      edit: (messageId: string, content: string) => channel.edit(messageId, content),
      remove: (messageId: string) => channel.delete(messageId),
      loadOlder: () => channel.loadOlder({ limit }).then(() => setError(null), setError),
    }),
    [channel, limit],
  );
  useEffect(() => {
    if (channel.messages.length < limit) void actions.loadOlder();
  }, [channel, actions, limit]);
  return { messages, hasOlder, isLoading, error, ...actions };
}

export function useTyping(id: string): { typers: readonly Typer[]; keystroke: () => void } {
  const channel = useHandle(id);
  const typers = useSource(channel, (snapshot) => snapshot.typing);
  return { typers, keystroke: useCallback(() => channel.keystroke(), [channel]) };
}

/** Of these users, as far as they share a channel with this one. */
export function usePresence(userIds: readonly string[]): Record<string, Presence> {
  const presence = useSource(useTenfour(), (snapshot) => snapshot.presence);
  return Object.fromEntries(userIds.map((id) => [id, presence[id] ?? { online: false, lastSeenAt: null }]));
}

export function useUnread(): ClientSnapshot["unread"] {
  return useSource(useTenfour(), (snapshot) => snapshot.unread);
}
