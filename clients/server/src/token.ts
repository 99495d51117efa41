/**
 * Makes tokens for the daemon: JWTs signed with HS256 by Web Crypto, so that it runs in Node and on the edge.
 *
 * Used by the route that the application's pages ask, and by `TenfourServer` for its own calls. The secret stays on the
 * server.
 */

export interface TokenClaims {
  /** The application's own id of the user: 1 to 255 characters. */
  id: string;
  /** The name that others see. */
  name: string;
}

export interface TokenOptions {
  /** How long it is valid. The client asks for a fresh one in time. */
  ttlSeconds?: number;
  /** `admin`: acts as the application's server. Never for a browser. */
  scope?: "admin";
  issuer?: string;
  audience?: string;
  /** Which of the daemon's keys it is signed with, where there are several. */
  keyId?: string;
}

const encoder = new TextEncoder();

export async function mintToken(secret: string, { id, name }: TokenClaims, options: TokenOptions = {}): Promise<string> {
  if (!secret) throw new TypeError("the secret is empty: set it to the daemon's TENFOUR_JWT_SECRET");
  const { ttlSeconds = 900, scope, issuer, audience, keyId } = options;
  const now = Math.floor(Date.now() / 1000);
  const head = { alg: "HS256", typ: "JWT", kid: keyId };
  // What is undefined is left out.
  const claims = { sub: id, name, iat: now, exp: now + ttlSeconds, scope, iss: issuer, aud: audience };
  const signed = `${part(encoder.encode(JSON.stringify(head)))}.${part(encoder.encode(JSON.stringify(claims)))}`;
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return `${signed}.${part(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(signed))))}`;
}

function part(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export interface TokenRouteOptions extends Omit<TokenOptions, "scope"> {
  /** The daemon's `TENFOUR_JWT_SECRET`, which is also where it is taken from by default. */
  secret?: string;
  /** The signed-in user of a request, by whatever the application signs its users in with; null for nobody. */
  user(request: Request): TokenClaims | null | undefined | Promise<TokenClaims | null | undefined>;
}

/**
 * The route that gives a page its user's token: as text, 401 for nobody. Never kept by a cache.
 * It takes and gives the standard Request and Response, as Next.js and others have them.
 */
export function tokenRoute({ secret, user, ...options }: TokenRouteOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const headers = { "cache-control": "no-store", "content-type": "text/plain" };
    const who = await user(request);
    if (!who) return new Response("not signed in", { status: 401, headers });
    const key = secret ?? environment()?.TENFOUR_JWT_SECRET ?? "";
    return new Response(await mintToken(key, { id: who.id, name: who.name }, options), { headers });
  };
}

/** Some edge runtimes have no `process`. */
function environment(): Record<string, string | undefined> | undefined {
  return (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env;
}
