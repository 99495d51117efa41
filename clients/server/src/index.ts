/** `@tenfour/server`: tokens and REST for the server beside the daemon. */
export { TenfourServer, TenfourServerError } from "./server.ts";
export type { Channel, Member, Message, NewMessage, Role, ServerOptions } from "./server.ts";
export { mintToken, tokenRoute } from "./token.ts";
export type { TokenClaims, TokenOptions, TokenRouteOptions } from "./token.ts";
