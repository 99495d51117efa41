/** What a key means in the list of messages. Used by the message list. Pure. */
import type { RowState } from "./message-row.ts";

const PAGE_OF_ROWS = 8;

/** The row that a key leads to from `index`; null if it does not move. May be beyond the last one. */
export function movedTo(key: string, index: number, count: number): number | null {
  const moves: Record<string, number> = {
    ArrowUp: index - 1,
    ArrowDown: index + 1,
    PageUp: index - PAGE_OF_ROWS,
    PageDown: Math.min(index + PAGE_OF_ROWS, count - 1),
    Home: 0,
    End: count - 1,
  };
  const to = moves[key];
  return to === undefined ? null : Math.max(0, Math.min(to, count));
}

/** What is to be done with the focused message, if anything. */
export function actOf(key: string, { message, canEdit, canDelete, canLook }: RowState): "reply" | "edit" | "delete" | "history" | null {
  if (key === "h" && canLook && (message.updatedAt || message.deletedAt)) return "history";
  if (message.status !== "sent" || message.deletedAt) return null;
  if (key === "Enter" || key === "r") return "reply";
  if (key === "e" && canEdit) return "edit";
  if ((key === "Delete" || key === "Backspace") && canDelete) return "delete";
  return null;
}
