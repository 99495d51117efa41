// Made from openapi.json by generate.mjs.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Confirms that a message is stored. */
        Ack: {
            channelId: components["schemas"]["ChannelId"];
            clientId: components["schemas"]["ClientId"];
            /** Format: date-time */
            createdAt: string;
            /** @description This `clientId` had been stored before. */
            duplicate: boolean;
            /** Format: int64 */
            seq: number;
            serverId: components["schemas"]["MessageId"];
            /** Format: int64 */
            version: number;
        };
        /** @description An announcement, in the frame and in the answer to who made it. */
        AnnouncementBody: {
            /** Format: date-time */
            at: string;
            /**
             * Format: date-time
             * @description Until then whoever connects is told as well.
             */
            expiresAt: string | null;
            /** Format: uuid */
            id: string;
            level: components["schemas"]["Level"];
            text: string;
        };
        Answer: {
            answer: components["schemas"]["AnswerKind"];
            /** Format: date-time */
            at: string;
            note: string | null;
            userId: components["schemas"]["UserId"];
        };
        /** @description An answer to an instruction. */
        AnswerInstruction: {
            answer: components["schemas"]["AnswerKind"];
            /** @description At most 1,000 bytes of UTF-8. */
            note?: string | null;
        };
        /** @enum {string} */
        AnswerKind: "accepted" | "declined" | "done";
        /** @description A user id in either form: the host's own, or the UUID. */
        AnyUserId: string;
        /** @description A file as it is stored. */
        Attachment: {
            /** @description By its content; `application/octet-stream` where that does not tell. */
            contentType: string;
            /** Format: int32 */
            height: number | null;
            id: components["schemas"]["AttachmentId"];
            /** @description What the uploader calls it. No path, and nothing that is not seen. */
            name: string;
            /** @description Of the bytes as they are stored, in hexadecimal form. */
            sha256: string;
            /** Format: int64 */
            size: number;
            /**
             * Format: int32
             * @description In pixels; none where it is no picture that is shown.
             */
            width: number | null;
        };
        /**
         * Format: uuid
         * @description A file that was uploaded.
         */
        AttachmentId: string;
        /**
         * @description Who may read what a channel's messages said before they were edited, besides its admins and owners.
         * @enum {string}
         */
        Audience: "admins" | "members";
        /** @description A channel as one of its members sees it. */
        Channel: {
            id: components["schemas"]["ChannelId"];
            /** Format: int64 */
            lastReadSeq: number;
            /** Format: int64 */
            lastSeq: number;
            memberIds: components["schemas"]["UserId"][];
            name: string | null;
            online: components["schemas"]["UserId"][];
            peer?: components["schemas"]["PeerBody"] | null;
            revisionsVisibleTo: components["schemas"]["Audience"];
            role: components["schemas"]["Role"] | null;
            type: components["schemas"]["ChannelKind"];
            /** Format: int64 */
            unread: number;
            /** Format: int64 */
            version: number;
        };
        /**
         * Format: uuid
         * @description A direct or group channel.
         */
        ChannelId: string;
        /**
         * @description Two people who talk to each other, or a group.
         * @enum {string}
         */
        ChannelKind: "direct" | "group";
        /** @description A page of channels, or all of them. */
        Channels: {
            channels: components["schemas"]["Channel"][];
            /** @description Whether there are channels after the last one of these. */
            hasMore: boolean;
        };
        /** @description A frame that a client sends. */
        ClientFrame: (components["schemas"]["SendMessage"] & {
            channelId: components["schemas"]["ChannelId"];
            ref?: components["schemas"]["Ref"] | null;
        } & {
            /** @enum {string} */
            type: "message";
        }) | {
            content: string;
            messageId: components["schemas"]["MessageId"];
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "edit";
        } | {
            messageId: components["schemas"]["MessageId"];
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "delete";
        } | {
            messageId: components["schemas"]["MessageId"];
            /** @description A sign or a short word, without blanks; at most 64 bytes of UTF-8. */
            reaction: string;
            ref?: components["schemas"]["Ref"] | null;
            /** @description Takes it back. */
            remove?: boolean | null;
            /** @enum {string} */
            type: "react";
        } | (components["schemas"]["AnswerInstruction"] & {
            messageId: components["schemas"]["MessageId"];
            ref?: components["schemas"]["Ref"] | null;
        } & {
            /** @enum {string} */
            type: "answer";
        }) | {
            channelId: components["schemas"]["ChannelId"];
            /** @enum {string} */
            type: "typing";
        } | {
            channelId: components["schemas"]["ChannelId"];
            ref?: components["schemas"]["Ref"] | null;
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "read";
        } | {
            /** @description The version that is held of each channel. */
            channels?: {
                [key: string]: number;
            } | null;
            /** @description The history that the versions are of; the current one where it is missing. */
            epoch?: string | null;
            lastMessageId?: components["schemas"]["MessageId"] | null;
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "sync";
        } | {
            ref?: components["schemas"]["Ref"] | null;
            /** @description A fresh token of the same user. */
            token: string;
            /** @enum {string} */
            type: "auth";
        } | {
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "ping";
        };
        /**
         * Format: uuid
         * @description The idempotency key that the sender chose for a message.
         */
        ClientId: string;
        /** @description Who deleted a message, and when. */
        Deletion: {
            /** Format: date-time */
            at: string;
            byId: components["schemas"]["UserId"] | null;
            byName: string | null;
            /** Format: int64 */
            version: number;
        };
        /**
         * @description What went wrong, for a program.
         * @enum {string}
         */
        ErrorCode: "invalid_json" | "invalid_frame" | "unknown_type" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "unknown_user" | "rate_limited" | "unavailable";
        /** @description The first frame. */
        Hello: {
            channels: components["schemas"]["Channel"][];
            epoch: string;
            /** Format: int64 */
            heartbeatMs: number;
            /** Format: int32 */
            protocol: number;
            /** Format: date-time */
            serverTime: string;
            sessionId: components["schemas"]["SessionId"];
            user: components["schemas"]["UserBody"];
        };
        /** @description What a message asks for. */
        Instruct: {
            /** @description Members of the channel; all others where it is missing. */
            assigneeIds?: components["schemas"]["AnyUserId"][] | null;
            /**
             * Format: date-time
             * @description In the future, and within a year.
             */
            deadline?: string | null;
        };
        /** @description What a message asks for, and what was answered. */
        Instruction: {
            /** @description The last one of each, in the order in which they were given. */
            answers: components["schemas"]["Answer"][];
            assigneeIds: components["schemas"]["UserId"][];
            /** Format: date-time */
            deadline: string | null;
            /**
             * Format: date-time
             * @description When the deadline was found to have passed without an answer of everybody.
             */
            overdueAt: string | null;
        };
        /**
         * @description How it is meant, for who shows it.
         * @enum {string}
         */
        Level: "info" | "warning" | "critical";
        /** @description A member of a channel. */
        Member: {
            /** @description The host's own id, where it is not the UUID itself. */
            externalId: string | null;
            id: components["schemas"]["UserId"];
            /** Format: date-time */
            lastReadAt: string;
            /** Format: int64 */
            lastReadSeq: number;
            /**
             * Format: date-time
             * @description None while online, and where the user was not seen since the server started.
             */
            lastSeenAt: string | null;
            name: string;
            online: boolean;
            /**
             * Format: date-time
             * @description Since when that is known.
             */
            receivedAt: string | null;
            /**
             * Format: int64
             * @description The newest version that a device of theirs is known to have received. None: nothing is known.
             */
            receivedVersion: number | null;
            role: components["schemas"]["Role"];
        };
        Members: {
            members: components["schemas"]["Member"][];
        };
        /** @description A message as clients see it. */
        Message: {
            /** @description Empty once deleted. */
            attachments: components["schemas"]["Attachment"][];
            channelId: components["schemas"]["ChannelId"];
            clientId: components["schemas"]["ClientId"];
            /** @description Empty once deleted. */
            content: string;
            contentType: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            deletedAt: string | null;
            id: components["schemas"]["MessageId"];
            /** @description It was brought by an import, and not sent here; missing otherwise. */
            imported?: boolean;
            instruction?: components["schemas"]["Instruction"] | null;
            /** @description Whom it names; missing where it names nobody, and once deleted. */
            mentionIds?: components["schemas"]["UserId"][];
            /** @description In the order in which they were first used; missing where there are none, and once deleted. */
            reactions?: components["schemas"]["Reaction"][];
            replyToId: components["schemas"]["MessageId"] | null;
            senderId: components["schemas"]["UserId"];
            senderName: string;
            /**
             * Format: int64
             * @description Counts the channel's messages: 1, 2, 3 … without a gap.
             */
            seq: number;
            /** Format: date-time */
            updatedAt: string | null;
            /**
             * Format: int64
             * @description The version of its latest change.
             */
            version: number;
        };
        /**
         * Format: uuid
         * @description A message, as the server named it.
         */
        MessageId: string;
        /** @description A page of history. */
        Messages: {
            /** @description Whether there are more in the direction of the page. */
            hasMore: boolean;
            messages: components["schemas"]["Message"][];
        };
        PeerBody: {
            id: components["schemas"]["UserId"];
            /** Format: int64 */
            lastReadSeq: number;
            name: string;
        };
        /** @description A reaction to a message, and whose it is. */
        Reaction: {
            reaction: string;
            /** @description Who reacted first is first. */
            userIds: components["schemas"]["UserId"][];
        };
        Ref: string | number;
        /** @description What a message said from one version on. */
        Revision: {
            /** Format: date-time */
            at: string;
            content: string;
            /** Format: int64 */
            version: number;
        };
        /** @description All that a message has said. */
        Revisions: {
            channelId: components["schemas"]["ChannelId"];
            deletion: components["schemas"]["Deletion"] | null;
            messageId: components["schemas"]["MessageId"];
            /**
             * @description Oldest first; the last one is what the message says now. Empty where the message is deleted and the reader is no
             *     admin.
             */
            revisions: components["schemas"]["Revision"][];
            /** @description Who wrote all of them: nobody edits the message of somebody else. */
            senderId: components["schemas"]["UserId"];
            senderName: string;
        };
        /**
         * @description What a member may do; see [`super::permission`].
         * @enum {string}
         */
        Role: "member" | "admin" | "owner";
        /** @description A message that was found. */
        SearchHit: {
            message: components["schemas"]["Message"];
            /** @description The text around the first match, to be shown one after the other. Plain text: nothing in it is markup. */
            snippet: components["schemas"]["SnippetPart"][];
        };
        /** @description A page of what was found. */
        SearchPage: {
            /** @description For the next page; none without one. */
            cursor: string | null;
            /** @description Whether there may be older ones. A page that took too long ends before its limit, even with nothing on it. */
            hasMore: boolean;
            /** @description The newest first. */
            hits: components["schemas"]["SearchHit"][];
        };
        /** @description A message to be sent. */
        SendMessage: {
            /** @description Files that the sender has uploaded and that are in no message yet, in the order in which they are shown. */
            attachmentIds?: components["schemas"]["AttachmentId"][] | null;
            /** @description The idempotency key: the same one again stores nothing. */
            clientId: components["schemas"]["ClientId"];
            /** @description May be empty where there are attachments. */
            content: string;
            /** @description `text` where it is missing. At most 64 bytes of UTF-8. */
            contentType?: string | null;
            instruction?: components["schemas"]["Instruct"] | null;
            /** @description Members of the channel whom the message names. */
            mentionIds?: components["schemas"]["AnyUserId"][] | null;
            replyToId?: components["schemas"]["MessageId"] | null;
        };
        /** @description One frame. `ref` is the asking frame's own. */
        ServerFrame: (components["schemas"]["Hello"] & {
            /** @enum {string} */
            type: "hello";
        }) | (components["schemas"]["Ack"] & {
            ref?: components["schemas"]["Ref"] | null;
        } & {
            /** @enum {string} */
            type: "ack";
        }) | {
            data: components["schemas"]["Message"];
            /** Format: int64 */
            since?: number | null;
            /** @enum {string} */
            type: "message";
        } | {
            data: components["schemas"]["Message"];
            /** Format: int64 */
            since?: number | null;
            /** @enum {string} */
            type: "message_updated";
        } | {
            data: components["schemas"]["Message"];
            /** Format: int64 */
            since?: number | null;
            /** @enum {string} */
            type: "message_deleted";
        } | {
            channelId: components["schemas"]["ChannelId"];
            /** Format: int64 */
            expiresInMs: number;
            name: string;
            /** @enum {string} */
            type: "typing";
            userId: components["schemas"]["UserId"];
        } | {
            channelId: components["schemas"]["ChannelId"];
            /** @enum {string} */
            type: "typing_stopped";
            userId: components["schemas"]["UserId"];
        } | {
            channelId: components["schemas"]["ChannelId"];
            /** Format: date-time */
            lastSeenAt: string | null;
            status: components["schemas"]["Status"];
            /** @enum {string} */
            type: "presence";
            userId: components["schemas"]["UserId"];
        } | {
            /** Format: date-time */
            at: string;
            channelId: components["schemas"]["ChannelId"];
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "read";
            userId: components["schemas"]["UserId"];
        } | {
            data: components["schemas"]["Channel"];
            /** Format: int64 */
            since?: number | null;
            /** @enum {string} */
            type: "channel";
        } | {
            channelId: components["schemas"]["ChannelId"];
            /** @enum {string} */
            type: "channel_removed";
        } | {
            added: components["schemas"]["UserId"][];
            channelId: components["schemas"]["ChannelId"];
            memberIds: components["schemas"]["UserId"][];
            online: components["schemas"]["UserId"][];
            removed: components["schemas"]["UserId"][];
            /** Format: int64 */
            since?: number | null;
            /** @enum {string} */
            type: "members";
            /** Format: int64 */
            version: number;
        } | {
            channelId: components["schemas"]["ChannelId"];
            hasMore: boolean;
            memberIds: components["schemas"]["UserId"][];
            messages: components["schemas"]["Message"][];
            ref?: components["schemas"]["Ref"] | null;
            reset?: boolean;
            /** @enum {string} */
            type: "sync";
            /** Format: int64 */
            version: number;
        } | {
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "sync_complete";
        } | {
            ref?: components["schemas"]["Ref"] | null;
            /** @enum {string} */
            type: "ok";
        } | {
            ref?: components["schemas"]["Ref"] | null;
            /** Format: date-time */
            serverTime: string;
            /** @enum {string} */
            type: "pong";
        } | {
            clientId?: components["schemas"]["ClientId"] | null;
            code: components["schemas"]["ErrorCode"];
            message: string;
            ref?: components["schemas"]["Ref"] | null;
            /** Format: int64 */
            retryAfterMs?: number | null;
            retryable: boolean;
            /** @enum {string} */
            type: "error";
        } | (components["schemas"]["AnnouncementBody"] & {
            /** @enum {string} */
            type: "announcement";
        }) | {
            reason: string;
            /** Format: int64 */
            reconnectInMs: number;
            /** @enum {string} */
            type: "goaway";
        };
        /**
         * Format: uuid
         * @description One open socket.
         */
        SessionId: string;
        /** @description A piece of text, and whether it was searched for. */
        SnippetPart: {
            match: boolean;
            text: string;
        };
        /**
         * @description Whether a user can be reached.
         * @enum {string}
         */
        Status: "online" | "offline";
        UserBody: {
            /** @description The host's own id, where it is not the UUID itself. */
            externalId?: string | null;
            id: components["schemas"]["UserId"];
            name: string;
        };
        /**
         * Format: uuid
         * @description A user. Made from the host application's id by [`UserId::from_external`].
         */
        UserId: string;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
