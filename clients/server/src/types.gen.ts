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
        ChannelCreatedData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            /** @description With whom it began. */
            members: components["schemas"]["FoundingMember"][];
            truncated?: boolean;
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        /** @description A channel was made. */
        ChannelCreatedEvent: {
            data: components["schemas"]["ChannelCreatedData"];
            /** Format: date-time */
            timestamp: string;
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
        ChannelReadData: {
            channel: components["schemas"]["ChannelTitle"];
            /** Format: int64 */
            seq: number;
            userId: components["schemas"]["UserId"];
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
        };
        /** @description A member has read up to a message. */
        ChannelReadEvent: {
            data: components["schemas"]["ChannelReadData"];
            /** Format: date-time */
            timestamp: string;
        };
        ChannelRenamedData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            name: string;
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        ChannelRenamedEvent: {
            data: components["schemas"]["ChannelRenamedData"];
            /** Format: date-time */
            timestamp: string;
        };
        ChannelSettingsData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            retention?: components["schemas"]["Retention"] | null;
            revisionsVisibleTo?: components["schemas"]["Audience"] | null;
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        /** @description What is missing did not change. */
        ChannelSettingsEvent: {
            data: components["schemas"]["ChannelSettingsData"];
            /** Format: date-time */
            timestamp: string;
        };
        /** @description A channel by what people call it. */
        ChannelTitle: {
            id: components["schemas"]["ChannelId"];
            name: string | null;
            type: components["schemas"]["ChannelKind"];
        };
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
        /** @description What fails now, and what was given up after days. */
        Deliveries: {
            /** @description Set aside, to be delivered when that is asked for. The latest comes first; kept for 30 days. */
            failed: components["schemas"]["FailedDelivery"][];
            /** @description Each holds up the later events of its channel, or of its user. The next to be tried comes first. */
            failing: components["schemas"]["FailingDelivery"][];
        };
        /**
         * @description What went wrong, for a program.
         * @enum {string}
         */
        ErrorCode: "invalid_json" | "invalid_frame" | "unknown_type" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "unknown_user" | "rate_limited" | "unavailable";
        FailedDelivery: {
            /** Format: int32 */
            attempts: number;
            channelId?: components["schemas"]["ChannelId"] | null;
            error: string;
            /** Format: date-time */
            failedAt: string;
            id: string;
            /** @description It was asked for, and is on its way. */
            replaying: boolean;
            /**
             * Format: date-time
             * @description When it happened.
             */
            timestamp: string;
            type: string;
            userId?: components["schemas"]["UserId"] | null;
            /**
             * Format: int64
             * @description Of the channel, where the event took one.
             */
            version?: number | null;
        };
        FailingDelivery: {
            /** Format: int32 */
            attempts: number;
            channelId?: components["schemas"]["ChannelId"] | null;
            error: string;
            /** Format: date-time */
            firstAt: string;
            /** @description What stands in its `webhook-id`. */
            id: string;
            /** Format: date-time */
            nextAt: string;
            type: string;
            userId?: components["schemas"]["UserId"] | null;
        };
        FoundingMember: {
            role: components["schemas"]["Role"];
            userId: components["schemas"]["UserId"];
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
        MemberAddedData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            truncated?: boolean;
            userIds: components["schemas"]["UserId"][];
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        MemberAddedEvent: {
            data: components["schemas"]["MemberAddedData"];
            /** Format: date-time */
            timestamp: string;
        };
        MemberRemovedData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            heirId?: components["schemas"]["UserId"] | null;
            userId: components["schemas"]["UserId"];
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        MemberRemovedEvent: {
            data: components["schemas"]["MemberRemovedData"];
            /** Format: date-time */
            timestamp: string;
        };
        MemberRoleData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            role: components["schemas"]["Role"];
            userId: components["schemas"]["UserId"];
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        MemberRoleEvent: {
            data: components["schemas"]["MemberRoleData"];
            /** Format: date-time */
            timestamp: string;
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
        /** @description Something about a message. */
        MessageEvent: {
            data: components["schemas"]["MessageEventData"];
            /** Format: date-time */
            timestamp: string;
        };
        MessageEventData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            /** @description As it is now, which may be later than the event. */
            message: components["schemas"]["Message"];
            /** @description The message is too long for an event, and what is long of it is left out: ask for it over REST. */
            truncated?: boolean;
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /**
             * Format: int64
             * @description Of the channel: what the event took.
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
        PresenceData: {
            /**
             * Format: int64
             * @description Counts what was told of this user.
             */
            change: number;
            userId: components["schemas"]["UserId"];
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
        };
        /** @description The first session of a user began, or the last one ended, on whatever node. */
        PresenceEvent: {
            data: components["schemas"]["PresenceData"];
            /** Format: date-time */
            timestamp: string;
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
        /** @description Somebody said something of a message with a sign or a short word, or took it back. */
        ReactionEvent: {
            data: components["schemas"]["ReactionEventData"];
            /** Format: date-time */
            timestamp: string;
        };
        ReactionEventData: {
            by: components["schemas"]["UserId"] | null;
            channel: components["schemas"]["ChannelTitle"];
            message: components["schemas"]["Message"];
            /** @description Null where nobody says it of the message any more: the trail has its hash alone. */
            reaction: string | null;
            truncated?: boolean;
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            /** Format: int64 */
            version: number;
        };
        /** @description What is told again. */
        Replay: {
            channelId: components["schemas"]["ChannelId"];
            /** Format: int64 */
            fromVersion: number;
        } | {
            /** Format: date-time */
            since: string;
        } | {
            /** @description True. */
            failed: boolean;
        };
        /** @description How many channels and users are told again, or events that were set aside. */
        Replayed: {
            replayed: number;
        };
        /** @description How long a channel keeps its messages. */
        Retention: {
            /**
             * Format: int32
             * @description Whole days. Null: the daemon's setting decides.
             */
            days: number | null;
            /** @description Nothing is erased, whatever else says so. */
            legalHold: boolean;
        };
        /**
         * @description What a member may do; see [`super::permission`].
         * @enum {string}
         */
        Role: "member" | "admin" | "owner";
        TestData: {
            /** @description Whoever is named here, with the host's own id of them. */
            users: components["schemas"]["UserBody"][];
            webhookId: components["schemas"]["WebhookId"];
        };
        /** @description Asked for, to see whether it arrives. */
        TestEvent: {
            data: components["schemas"]["TestData"];
            /** Format: date-time */
            timestamp: string;
        };
        /** @description How a test went. */
        Tested: {
            delivered: boolean;
            /** Format: int64 */
            durationMs: number;
            /** @description What went wrong. */
            error?: string | null;
            /**
             * Format: int32
             * @description What was answered, if anything was.
             */
            status?: number | null;
        };
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
        /** @description Where the application's server is told of what happens. */
        Webhook: {
            /** Format: date-time */
            createdAt: string;
            /** @description Names of events; `*` alone: all there are, and those of later releases. */
            events: string[];
            /**
             * Format: date-time
             * @description Since when it does not answer at all.
             */
            failingSince?: string | null;
            id: components["schemas"]["WebhookId"];
            /** @description `settings`: it is in the daemon's settings and changed there. */
            origin: components["schemas"]["WebhookOrigin"];
            /**
             * Format: date-time
             * @description Until when the secret before this one signs too.
             */
            previousSecretUntil?: string | null;
            /** @description Why it is disabled. */
            reason?: string | null;
            state: components["schemas"]["WebhookState"];
            /** @description Of the one of the daemon's settings no more than scheme and host. */
            url: string;
        };
        /** @description An event. Its type says what happened. */
        WebhookEvent: (components["schemas"]["MessageEvent"] & {
            /** @enum {string} */
            type: "message.sent";
        }) | (components["schemas"]["MessageEvent"] & {
            /** @enum {string} */
            type: "message.edited";
        }) | (components["schemas"]["MessageEvent"] & {
            /** @enum {string} */
            type: "message.deleted";
        }) | (components["schemas"]["ReactionEvent"] & {
            /** @enum {string} */
            type: "reaction.added";
        }) | (components["schemas"]["ReactionEvent"] & {
            /** @enum {string} */
            type: "reaction.removed";
        }) | (components["schemas"]["MessageEvent"] & {
            /** @enum {string} */
            type: "instruction.answered";
        }) | (components["schemas"]["MessageEvent"] & {
            /** @enum {string} */
            type: "instruction.overdue";
        }) | (components["schemas"]["ChannelCreatedEvent"] & {
            /** @enum {string} */
            type: "channel.created";
        }) | (components["schemas"]["ChannelRenamedEvent"] & {
            /** @enum {string} */
            type: "channel.renamed";
        }) | (components["schemas"]["ChannelSettingsEvent"] & {
            /** @enum {string} */
            type: "channel.settings_changed";
        }) | (components["schemas"]["MemberAddedEvent"] & {
            /** @enum {string} */
            type: "member.added";
        }) | (components["schemas"]["MemberRemovedEvent"] & {
            /** @enum {string} */
            type: "member.removed";
        }) | (components["schemas"]["MemberRoleEvent"] & {
            /** @enum {string} */
            type: "member.role_changed";
        }) | (components["schemas"]["ChannelReadEvent"] & {
            /** @enum {string} */
            type: "channel.read";
        }) | (components["schemas"]["PresenceEvent"] & {
            /** @enum {string} */
            type: "user.online";
        }) | (components["schemas"]["PresenceEvent"] & {
            /** @enum {string} */
            type: "user.offline";
        }) | (components["schemas"]["TestEvent"] & {
            /** @enum {string} */
            type: "webhook.test";
        });
        /**
         * Format: uuid
         * @description An address of the host application that is told of what happens.
         */
        WebhookId: string;
        /** @enum {string} */
        WebhookOrigin: "api" | "settings";
        /** @enum {string} */
        WebhookState: "active" | "disabled";
        /** @description With the secret, which is told this once. */
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /** @description `whsec_` and base64. Keep it: it is not told again. */
            secret: string;
        };
        Webhooks: {
            webhooks: components["schemas"]["Webhook"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
