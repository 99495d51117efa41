/**
 * Every word that the element shows or has read out. Replaced, whole or in part, by the property `strings`.
 *
 * None says more than is known where it is shown.
 */
/** Why a change did not go through: there was no connection, no answer came, or the answer was no. */
export type Failure = "offline" | "unknown" | "refused";

export interface Strings {
  channels: string;
  search: string;
  searchNone: string;
  foundMessages: string;
  /** Of the messages that are found. */
  withFiles: string;
  searching: string;
  /** `more`: than these. */
  found(count: number, more: boolean): string;
  searchFailed(why: Failure): string;
  showMore: string;
  noChannels: string;
  chooseChannel: string;
  chooseChannelHint: string;
  back: string;
  online: string;
  offline: string;
  you: string;
  draft: string;
  unread(count: number): string;
  members(count: number, online: number): string;
  lastSeenNow: string;
  lastSeenMinutes(minutes: number): string;
  lastSeen(when: string): string;
  typing(names: readonly string[]): string;
  typingShort: string;

  messagesIn(name: string): string;
  /** The channel never had any. */
  noMessages: string;
  /** It had some, and none is left. */
  noMessagesLeft: string;
  loading: string;
  loadFailed: string;
  today: string;
  yesterday: string;
  newMessages: string;
  toFirstUnread(count: number): string;
  toNewest: string;
  toNewestCount(count: number): string;
  edited: string;
  /** The button that "edited" is where one may look, and that of a deleted message. */
  showHistory: string;
  showDeleted: string;
  history: string;
  historyHidden: string;
  /** Of what a dialog was to show. */
  historyFailed(why: Failure): string;
  /** `name` is null where the application did it. */
  deletedBy(name: string | null, when: string): string;
  close: string;
  deleted: string;
  originalMessage: string;
  originalMissing: string;
  jumpToOriginal: string;
  queued: string;
  sending: string;
  sent: string;
  read: string;
  readBy(count: number): string;
  failed: string;
  failedBecause(code: string, message: string): string;
  retry: string;
  cancel: string;

  reply: string;
  edit: string;
  delete: string;
  actions: string;
  deleteTitle: string;
  deleteText: string;
  deleteFailed(why: Failure): string;
  keep: string;

  /** Reactions to choose from, with blanks between them. */
  commonReactions: string;
  react: string;
  reactions: string;
  reactFailed(why: Failure): string;
  namesYou: string;
  mention: string;

  /** A message that asks for an answer. */
  asked: string;
  askedUntil(when: string): string;
  overdueSince(when: string): string;
  /** How it stands with somebody: `pending` is who has not answered at all. */
  pending: string;
  accepted: string;
  declined: string;
  done: string;
  accept: string;
  decline: string;
  note: string;
  answerFailed(why: Failure): string;
  /** Of a conversation: those that wait for an answer. */
  openOnes: string;
  noneOpen: string;
  /** Beside the message that is being written. */
  ask: string;
  askWhom: string;
  within(minutes: number): string;
  noDeadline: string;

  message: string;
  messageTo(name: string): string;
  send: string;
  save: string;
  replyingTo(name: string): string;
  editing: string;
  cancelReply: string;
  cancelEdit: string;
  editFailed(why: Failure): string;
  attach: string;
  attachLimits(files: number, size: string): string;
  files: string;
  dropFiles: string;
  fileTooLarge(name: string, most: string): string;
  fileEmpty(name: string): string;
  tooManyFiles(most: number): string;
  uploading(name: string): string;
  uploaded(name: string): string;
  uploadFailed(code: string, message: string): string;
  retryUpload(name: string): string;
  cancelUpload(name: string): string;
  removeFile(name: string): string;
  /** Sending was asked for, and one of them failed. */
  uploadsFailed: string;
  /** Sending was asked for, and is done as soon as they are there. */
  waitingForFiles: string;
  openPicture(name: string): string;
  download: string;
  downloadFailed(name: string): string;
  notMember: string;
  tooLong: string;
  outboxFull: string;

  connecting: string;
  offlineNow: string;
  /** No token could be asked for: whether there is a line is not known. */
  noToken: string;
  /** After why there is no connection. */
  nextAttempt(seconds: number): string;
  tryNow: string;
  catchingUp: string;
  signedOut: string;
  /** There is a token, and the server does not take it. */
  refused: string;
  /** The token is of another user now. */
  otherUser: string;
  disconnected: string;
  signIn: string;
  removed: string;
  waiting(count: number): string;
  backOnline: string;
  somebody: string;
}

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const english: Strings = {
  channels: "Conversations",
  search: "Search",
  searchNone: "Nothing of that name",
  foundMessages: "Messages",
  withFiles: "With files",
  searching: "Searching…",
  found: (count, more) => (more ? `${count} and more` : count > 0 ? String(count) : "None with these words"),
  searchFailed: (why) =>
    why === "offline"
      ? "Messages cannot be searched: there is no connection."
      : why === "refused"
        ? "The server does not search for this."
        : "Messages cannot be searched: no answer came.",
  showMore: "Show more",
  noChannels: "No conversations yet",
  chooseChannel: "Choose a conversation",
  chooseChannelHint: "Its messages appear here.",
  back: "Back to the conversations",
  online: "Online",
  offline: "Offline",
  you: "You",
  draft: "Draft",
  unread: (count) => `${count} unread`,
  members: (count, online) => `${plural(count, "member", "members")}, ${online} online`,
  lastSeenNow: "Last seen just now",
  lastSeenMinutes: (minutes) => `Last seen ${plural(minutes, "minute", "minutes")} ago`,
  lastSeen: (when) => `Last seen ${when}`,
  typing: (names) =>
    names.length === 1
      ? `${names[0]} is typing`
      : names.length === 2
        ? `${names[0]} and ${names[1]} are typing`
        : `${names.length} people are typing`,
  typingShort: "typing…",

  messagesIn: (name) => `Messages in ${name}`,
  noMessages: "No messages yet. Say the first word.",
  noMessagesLeft: "No messages",
  loading: "Loading messages",
  loadFailed: "Messages could not be loaded.",
  today: "Today",
  yesterday: "Yesterday",
  newMessages: "New messages",
  toFirstUnread: (count) => plural(count, "new message", "new messages"),
  toNewest: "To the newest message",
  toNewestCount: (count) => `To the newest message, ${count} unread`,
  edited: "edited",
  showHistory: "edited, show what it said before",
  showDeleted: "Show what it said",
  history: "What this message said",
  historyHidden: "What it said is not shown to you.",
  historyFailed: (why) =>
    why === "offline"
      ? "This cannot be shown: there is no connection."
      : why === "refused"
        ? "This is not shown: the server refused."
        : "This cannot be shown: no answer came.",
  deletedBy: (name, when) => (name === null ? `Deleted, ${when}` : `Deleted by ${name}, ${when}`),
  close: "Close",
  deleted: "This message was deleted",
  originalMessage: "Earlier message",
  originalMissing: "That message could not be found.",
  jumpToOriginal: "Go to the message",
  queued: "Waiting to be sent",
  sending: "Sending",
  sent: "Sent",
  read: "Read",
  readBy: (count) => `Read by ${count}`,
  failed: "Not sent",
  failedBecause: (code, message) =>
    code === "forbidden" || code === "not_found"
      ? "Not sent: you cannot write here."
      : code === "too_large"
        ? "Not sent: the message is too long."
        : code === "expired"
          ? "Not sent: it waited too long."
          : message
            ? `Not sent: ${message}`
            : "Not sent",
  retry: "Try again",
  cancel: "Discard",

  reply: "Reply",
  edit: "Edit",
  delete: "Delete",
  actions: "Message actions",
  deleteTitle: "Delete this message?",
  deleteText: "It is removed for everybody, and cannot be brought back.",
  deleteFailed: (why) =>
    why === "offline"
      ? "The message is not deleted: there is no connection."
      : why === "refused"
        ? "The message is not deleted: the server refused."
        : "No answer: the message may be deleted or not.",
  keep: "Keep it",

  commonReactions: "👍 ✅ ❤️ 😂 👀 🙏",
  react: "React",
  reactions: "Reactions",
  reactFailed: (why) =>
    why === "offline"
      ? "The reaction is not changed: there is no connection."
      : why === "refused"
        ? "The reaction is not changed: the server refused."
        : "No answer: the reaction may be changed or not.",
  namesYou: "Mentions you",
  mention: "Mention",

  asked: "Answer wanted",
  askedUntil: (when) => `Answer wanted until ${when}`,
  overdueSince: (when) => `Overdue since ${when}`,
  pending: "No answer",
  accepted: "Accepted",
  declined: "Declined",
  done: "Done",
  accept: "Accept",
  decline: "Decline",
  note: "Note (optional)",
  answerFailed: (why) =>
    why === "offline"
      ? "Not answered: there is no connection."
      : why === "refused"
        ? "Not answered: the server refused."
        : "No answer: it may have been taken or not.",
  openOnes: "Open instructions",
  noneOpen: "None is open.",
  ask: "Ask for an answer",
  askWhom: "All others, or those whom you mention",
  within: (minutes) => `Within ${minutes < 60 ? plural(minutes, "minute", "minutes") : plural(minutes / 60, "hour", "hours")}`,
  noDeadline: "No deadline",

  message: "Message",
  messageTo: (name) => `Message to ${name}`,
  send: "Send",
  save: "Save",
  replyingTo: (name) => `Reply to ${name}`,
  editing: "Edit message",
  cancelReply: "Cancel the reply",
  cancelEdit: "Cancel editing",
  editFailed: (why) =>
    why === "offline"
      ? "The change is not saved: there is no connection."
      : why === "refused"
        ? "The change is not saved: the server refused."
        : "No answer: the change may be saved or not.",
  attach: "Add files",
  attachLimits: (files, size) => `Add files: up to ${files}, of ${size} each`,
  files: "Files of this message",
  dropFiles: "Drop files here to add them",
  fileTooLarge: (name, most) => `${name} is larger than ${most}.`,
  fileEmpty: (name) => `${name} is empty.`,
  tooManyFiles: (most) => `A message holds ${plural(most, "file", "files")} at most.`,
  uploading: (name) => `Uploading ${name}`,
  uploaded: (name) => `${name} is uploaded`,
  uploadFailed: (code, message) =>
    code === "offline"
      ? "Not uploaded: there is no connection."
      : code === "rate_limited"
        ? "Too many uploads. Try again later."
        : code === "not_found"
          ? "Files are not taken here."
          : // That it is too large or one too many the server says best.
            `Not uploaded: ${message}`,
  retryUpload: (name) => `Try again to upload ${name}`,
  cancelUpload: (name) => `Cancel the upload of ${name}`,
  removeFile: (name) => `Remove ${name}`,
  uploadsFailed: "A file is not uploaded. Try it again, or remove it.",
  waitingForFiles: "Sent as soon as the files are uploaded",
  openPicture: (name) => `Open picture ${name}`,
  download: "Download",
  downloadFailed: (name) => `${name} could not be downloaded.`,
  notMember: "You are not a member of this conversation.",
  tooLong: "This is too long for one message.",
  outboxFull: "Too many messages wait to be sent already.",

  connecting: "Connecting…",
  offlineNow: "No connection.",
  noToken: "Could not check who is signed in.",
  nextAttempt: (seconds) => `Next attempt in ${seconds} s.`,
  tryNow: "Try now",
  catchingUp: "Catching up…",
  signedOut: "You are signed out.",
  refused: "The server does not accept the sign-in.",
  otherUser: "Somebody else is signed in now.",
  disconnected: "Disconnected.",
  signIn: "Try again",
  removed: "You were disconnected by an administrator.",
  waiting: (count) => `${plural(count, "message waits", "messages wait")} to be sent.`,
  backOnline: "Connected",
  somebody: "Somebody",
};
