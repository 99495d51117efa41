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
  // Closing brackets beyond those that were opened are the sentence's.
  const open: Record<string, number> = { ")": 0, "]": 0, "}": 0 };
  for (const char of text) {
    if (char === "(" || char === ")") open[")"]! += char === "(" ? 1 : -1;
    else if (char === "[" || char === "]") open["]"]! += char === "[" ? 1 : -1;
    else if (char === "{" || char === "}") open["}"]! += char === "{" ? 1 : -1;
  }
  let end = text.length;
  for (; end > 0; end--) {
    const last = text[end - 1]!;
    if (/[.,;:!?…*_~|\\]/.test(last)) continue;
    if ((open[last] ?? 0) >= 0) break;
    open[last]!++;
  }
  return text.slice(0, end);
}

function address(text: string): string | null {
  try {
    const { protocol, href, hostname } = new URL(text);
    return (protocol === "http:" || protocol === "https:") && hostname ? href : null;
  } catch {
    return null;
  }
}
