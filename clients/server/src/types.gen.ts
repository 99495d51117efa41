// Made from openapi.json by generate.mjs.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Answer: {
            answer: components["schemas"]["AnswerKind"];
            /** Format: date-time */
            at: string;
            note: string | null;
            userId: components["schemas"]["UserId"];
        };
        /** @enum {string} */
        AnswerKind: "accepted" | "declined" | "done";
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
        /**
         * Format: uuid
         * @description The idempotency key that the sender chose for a message.
         */
        ClientId: string;
        /**
         * @description What went wrong, for a program.
         * @enum {string}
         */
        ErrorCode: "invalid_json" | "invalid_frame" | "unknown_type" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "unknown_user" | "rate_limited" | "unavailable";
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
        /** @description The body. */
        Problem: {
            code: components["schemas"]["ErrorCode"];
            /** @description What was wrong this time, for a person. */
            detail: string;
            /** @description The answer's `X-Request-Id`, by which the daemon's log knows it. */
            requestId?: string | null;
            /** Format: int64 */
            retryAfterMs?: number | null;
            /** @description Whether the same request may succeed later. */
            retryable: boolean;
            /** Format: int32 */
            status: number;
            title: string;
            /** @description Names the kind of problem, as a URI. */
            type: string;
        };
        /** @description A reaction to a message, and whose it is. */
        Reaction: {
            reaction: string;
            /** @description Who reacted first is first. */
            userIds: components["schemas"]["UserId"][];
        };
        /**
         * @description What a member may do; see [`super::permission`].
         * @enum {string}
         */
        Role: "member" | "admin" | "owner";
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
