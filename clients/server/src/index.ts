/** `@tenfour/server`: tokens, REST and webhooks for the server beside the daemon. */
export { TenfourServer, TenfourServerError } from "./server.ts";
export type { Channel, Deliveries, Member, Message, NewMessage, NewWebhook, Replay, Role, ServerOptions, Webhook, WebhookChange, WebhookTest, WebhookWithSecret } from "./server.ts";
export { mintToken, tokenRoute } from "./token.ts";
export type { TokenClaims, TokenOptions, TokenRouteOptions } from "./token.ts";
export { verifyWebhook, webhookRoute, WebhookVerificationError } from "./webhook.ts";
export type {
  VerifiedWebhook,
  VerifyOptions,
  WebhookEvent,
  WebhookEventOf,
  WebhookEventType,
  WebhookHeaders,
  WebhookProblem,
  WebhookRouteOptions,
} from "./webhook.ts";
