/** The page of react.test.ts: a small chat in StrictMode, and what it did, for the test to look at. */
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { TenfourClient } from "../src/index.ts";
import {
  TenfourProvider,
  useChannel,
  useChannels,
  useConnection,
  useMessages,
  usePresence,
  useTenfour,
  useTyping,
  useUnread,
} from "../src/react.ts";

const { url, token, dock } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
let sockets = 0;
class Counting extends WebSocket {
  constructor(address: string, protocols: string[]) {
    super(address, protocols);
    sockets++;
  }
}

const client = new TenfourClient({ url, getToken: () => token, WebSocket: Counting as never });
Object.assign(globalThis, { client, sockets: () => sockets });

function Chat() {
  const { state, synced } = useConnection();
  const { channels } = useChannels();
  const { name, memberIds } = useChannel(dock);
  const { messages, hasOlder, loadOlder, send, error } = useMessages(dock, { limit: 10 });
  const { typers, keystroke } = useTyping(dock);
  const presence = usePresence(memberIds);
  const { total } = useUnread();
  const same = useTenfour() === client;
  return (
    <main>
      <p id="state">{`${state} ${synced} ${same}`}</p>
      <p id="channels">{channels.map((channel) => channel.name).join()}</p>
      <p id="name">{name}</p>
      <p id="online">{Object.values(presence).filter(({ online }) => online).length}</p>
      <p id="typing">{typers.map((typer) => typer.name).join()}</p>
      <p id="unread">{total}</p>
      <p id="error">{error?.message}</p>
      <ol>
        {messages.map((message) => (
          <li key={message.key} data-status={message.status}>
            {message.content}
          </li>
        ))}
      </ol>
      {hasOlder && <button id="older" onClick={() => void loadOlder()}>Older</button>}
      <input onInput={keystroke} />
      <button id="send" onClick={() => void send("from the page")}>Send</button>
    </main>
  );
}

function App() {
  const [shown, setShown] = useState(true);
  return (
    <>
      <button id="toggle" onClick={() => setShown(!shown)}>Toggle</button>
      {shown && (
        <TenfourProvider client={client}>
          <Chat />
        </TenfourProvider>
      )}
    </>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
