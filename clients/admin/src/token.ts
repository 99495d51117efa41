/**
 * The token of who is signed in. It lies in the tab's own storage and goes with the tab; it is in no address and no
 * cookie.
 */

const KEY = "tenfour-admin-token";

/** For a browser that lets nothing be stored: it then lasts until the page is left. */
let memory: string | null = null;

export function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY) ?? memory;
  } catch {
    return memory;
  }
}

export function store(token: string | null): void {
  memory = token;
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // It stays in memory.
  }
}

export interface Claims {
  name: string | null;
  expires: number | null;
}

/** What the token says of itself, to be shown. Whether it is true is for the daemon to say. */
export function claimsOf(token: string): Claims {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const raw = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const { name, sub, exp } = JSON.parse(new TextDecoder().decode(raw)) as Record<string, unknown>;
    return {
      name: typeof name === "string" ? name : typeof sub === "string" ? sub : null,
      expires: typeof exp === "number" ? exp * 1000 : null,
    };
  } catch {
    return { name: null, expires: null };
  }
}
