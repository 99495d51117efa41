/**
 * What a message asks for: until when, who has answered what, and for who is asked the buttons to answer.
 *
 * Used by a row. Names and notes go in as text nodes only.
 */
import type { AnswerKind, ChatMessage, Instruction } from "@tenfour/client";
import { standing } from "@tenfour/client/record";
import type { Standing } from "@tenfour/client/record";
import { attr, focused, h, show, text } from "./dom.ts";
import { icon } from "./icons.ts";
import type { People } from "./people.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

export interface AskedHooks {
  /** What was typed beside the buttons and not sent, by message: a row that leaves the screen is gone. */
  readonly _notes: Map<string, string>;
  /** True where it went through. */
  _answer(message: ChatMessage, answer: AnswerKind, note: string): Promise<boolean>;
}

/** As much as a note holds in UTF-8, whatever it is written in. */
const MOST_NOTE = 333;
const BUTTONS = { accepted: "accept", declined: "decline", done: "done" } as const;

/** Until when, or since when it is overdue. */
export function headline({ deadline, overdueAt }: Instruction, { open }: Standing, strings: Strings, times: Times): string {
  if (!deadline) return strings.asked;
  return (overdueAt && open ? strings.overdueSince : strings.askedUntil)(times._due(deadline));
}

/** Who stands where, a line for each answer; those first who are waited for. */
export function lines({ pending, ...said }: Standing, people: People, strings: Strings): HTMLElement[] {
  const line = (kind: AnswerKind | "pending", all: readonly { userId: string; note?: string | null }[]) =>
    all.length > 0 &&
    h(
      "li",
      { class: kind },
      h("span", { class: "muted" }, `${strings[kind]}:`),
      ...all.flatMap(({ userId, note }, index) => [
        index > 0 ? ", " : " ",
        h("bdi", {}, people._name(userId, strings)),
        note && h("q", { class: "muted", dir: "auto" }, note),
      ]),
    );
  const kinds = ["declined", "accepted", "done"] as const;
  return [line("pending", pending.map((userId) => ({ userId }))), ...kinds.map((kind) => line(kind, said[kind]))].filter((it) => it !== false);
}

export class Asked {
  private readonly _words = h("span");
  private readonly _list = h("ul", { class: "answers" });
  private readonly _note = h("input", { class: "note", tabindex: -1, maxlength: MOST_NOTE, dir: "auto", autocomplete: "off" });
  private readonly _buttons = h("div", { class: "answering", hidden: true });
  readonly _root = h("div", { class: "asked", part: "instruction" }, h("div", { class: "asked-head" }, icon("bell"), this._words), this._list, this._buttons);
  private _busy = false;
  private _mayFor = "";
  private _message: ChatMessage | null = null;

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _hooks: AskedHooks,
    private readonly _row: HTMLElement,
  ) {
    attr(this._note, "aria-label", _strings.note);
    attr(this._note, "placeholder", _strings.note);
    this._note.addEventListener("input", () => this._hooks._notes.set(this._message!.id, this._note.value));
    // Its keys are its own, but for the way out.
    this._note.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());
  }

  /** What it says in short. */
  _update(message: ChatMessage, instruction: Instruction, people: People, may: boolean): string {
    this._message = message;
    const strings = this._strings;
    const stands = standing(instruction, people._here);
    const words = headline(instruction, stands, strings, this._times);
    text(this._words, words);
    attr(this._words, "title", instruction.deadline && this._times._exact(instruction.deadline));
    this._root.classList.toggle("overdue", stands.open && instruction.overdueAt !== null);
    this._list.replaceChildren(...lines(stands, people, strings));
    const mine = instruction.answers.find(({ userId }) => userId === people._me)?.answer;
    this._offer(may && instruction.assigneeIds.includes(people._me) && mine !== "done" ? (Object.keys(BUTTONS) as AnswerKind[]).filter((kind) => kind !== mine) : []);
    return words;
  }

  /** What is done stays so; of the others each may follow the other. */
  private _offer(kinds: AnswerKind[]): void {
    if (this._mayFor === kinds.join()) return;
    this._mayFor = kinds.join();
    const hadFocus = this._buttons.contains(focused(this._row));
    show(this._buttons, kinds.length > 0);
    this._note.value = this._hooks._notes.get(this._message!.id) ?? "";
    const button = (kind: AnswerKind) =>
      h("button", { class: "answer", "data-answer": kind, tabindex: -1, onclick: () => void this._say(kind) }, this._strings[BUTTONS[kind]]);
    this._buttons.replaceChildren(...(kinds.length > 0 ? [...kinds.map(button), this._note] : []));
    // What had it is not there any more.
    if (hadFocus) this._row.focus({ preventScroll: true });
  }

  private async _say(kind: AnswerKind): Promise<void> {
    if (this._busy) return;
    this._busy = true;
    const message = this._message!;
    const done = await this._hooks._answer(message, kind, this._note.value.trim());
    this._busy = false;
    if (!done) return;
    this._hooks._notes.delete(message.id);
    this._note.value = "";
  }
}
