/**
 * Finds web addresses in a message.
 *
 * Used by the message row, which makes links of them by DOM calls. Pure. Only http and https: everything else stays text.
 */
export interface Piece {
  readonly text: string;
  /** Where it leads, if it is an address. */
  readonly href?: string;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
/** A row is not made of thousands of nodes. */
const MOST = 200;

export function pieces(content: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  let count = 0;
  for (const match of content.matchAll(ADDRESS)) {
    if (++count > MOST) break;
    const text = trimmed(match[0]);
    const href = address(text);
    if (!href) continue;
    if (match.index > at) found.push({ text: content.slice(at, match.index) });
    found.push({ text, href });
    at = match.index + text.length;
  }
  if (at < content.length) found.push({ text: content.slice(at) });
  return found;
}

/** Without what belongs to the sentence around it. */
function trimmed(text: string): string {
  let end = text.length;
  for (;;) {
    const last = text[end - 1]!;
    if (/[.,;:!?…*_~|\\]/.test(last)) end--;
    else if (last === ")" && count(text, "(", end) < count(text, ")", end)) end--;
    else if (last === "]" && count(text, "[", end) < count(text, "]", end)) end--;
    else if (last === "}" && count(text, "{", end) < count(text, "}", end)) end--;
    else return text.slice(0, end);
  }
}

function count(text: string, char: string, end: number): number {
  let times = 0;
  for (let i = 0; i < end; i++) if (text[i] === char) times++;
  return times;
}

function address(text: string): string | null {
  try {
    const { protocol, href, hostname } = new URL(text);
    return (protocol === "http:" || protocol === "https:") && hostname ? href : null;
  } catch {
    return null;
  }
}
