"use client";
import { useChannel, useConnection, useMessages, usePresence, useTenfour, useTyping } from "@tenfour/client/react";
import type { ChatMessage } from "@tenfour/client";
import { useEffect, useRef, useState } from "react";
import type { FormEvent } from "react";

/** One channel: its messages, who is typing, and where to write. */
export function Thread({ id }: { id: string }) {
  const { name, peer, reads } = useChannel(id);
  const { messages, send, retry, cancel, loadOlder, hasOlder, isLoading, error } = useMessages(id);
  const { typers, keystroke } = useTyping(id);
  const presence = usePresence(peer ? [peer.id] : []);
  const connection = useConnection();
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const newest = messages.at(-1)?.key;
  useMarkRead(id, messages);

  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [newest]);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (text.trim() === "") return;
    // The message is in the list at once, with its status; a failure is shown there too.
    send(text).catch(() => {});
    setText("");
  }

  const online = peer && presence[peer.id]?.online;
  return (
    <section className="thread" aria-label={peer?.name ?? name ?? "Channel"}>
      <header>
        <h2>{peer?.name ?? name}</h2>
        {/* Without a connection nobody knows. */}
        {peer && connection.state === "connected" && <span className={online ? "online" : "offline"}>{online ? "online" : "offline"}</span>}
      </header>
      <div className="messages" role="log" ref={list} tabIndex={0} aria-label="Messages">
        {hasOlder && (
          <button type="button" disabled={isLoading} onClick={() => void loadOlder()}>
            Earlier messages
          </button>
        )}
        {error && <p role="alert">Not loaded: {error.message}</p>}
        {messages.map((message) => (
          <Message
            key={message.key}
            message={message}
            isRead={message.seq > 0 && peer !== null && (reads[peer.id] ?? 0) >= message.seq}
            onRetry={() => retry(message.clientId).catch(() => {})}
            onCancel={() => cancel(message.clientId)}
          />
        ))}
      </div>
      <p className="typing" aria-live="polite">
        {typers.length > 0 && `${typers.map(({ name }) => name).join(", ")} writing…`}
      </p>
      <form onSubmit={submit}>
        <input
          aria-label="Message"
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            keystroke();
          }}
        />
        <button type="submit">Send</button>
      </form>
    </section>
  );
}

const STATUS = { queued: "waits for the connection", sending: "sending", sent: "sent", failed: "not sent" };

interface MessageProps {
  message: ChatMessage;
  isRead: boolean;
  onRetry(): void;
  onCancel(): void;
}

function Message({ message, isRead, onRetry, onCancel }: MessageProps) {
  const { mine, senderName, content, deletedAt, createdAt, status, error } = message;
  return (
    <div className={mine ? "message mine" : "message"} data-status={status}>
      <p>{deletedAt ? <em>deleted</em> : content}</p>
      <small>
        {!mine && `${senderName}, `}
        <time dateTime={createdAt}>{new Date(createdAt).toLocaleTimeString([], { timeStyle: "short" })}</time>
        {mine && `, ${isRead ? "read" : STATUS[status]}`}
        {error && `: ${error.message}`}
      </small>
      {status === "failed" && (
        <span>
          <button type="button" onClick={onRetry}>
            Try again
          </button>
          <button type="button" onClick={onCancel}>
            Discard
          </button>
        </span>
      )}
    </div>
  );
}

/** What is on the screen of a window that is looked at is read. */
function useMarkRead(id: string, messages: readonly ChatMessage[]) {
  const client = useTenfour();
  const seq = messages.findLast((message) => message.seq > 0)?.seq ?? 0;
  useEffect(() => {
    const mark = () => document.visibilityState === "visible" && seq > 0 && client.channel(id).markRead(seq);
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [client, id, seq]);
}
