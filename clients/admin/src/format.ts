/** Numbers, sizes and times as the console writes them. */

export const NONE = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

export const count = (value: Maybe): string => (known(value) ? whole.format(value) : NONE);

/** With as much behind the point as is worth reading. */
const few = (value: number): string => (value < 10 ? hundredths : value < 100 ? tenths : whole).format(value);

/** Of something a second. */
export const rate = (value: Maybe): string => (known(value) ? few(value) : NONE);

export const percent = (value: Maybe): string => (known(value) ? `${few(value)} %` : NONE);

export function bytes(value: Maybe): string {
  if (!known(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB"];
  let size = value;
  while (size >= 1000 && units.length > 1) {
    size /= 1024;
    units.shift();
  }
  return `${few(size)} ${units[0]}`;
}

/** A time that something took, given in seconds. */
export const seconds = (value: Maybe): string =>
  !known(value) ? NONE : value < 0.9995 ? `${few(value * 1000)} ms` : `${few(value)} s`;

/** For how long something has been so, given in seconds. */
export function span(value: Maybe): string {
  if (!known(value)) return NONE;
  const minutes = Math.floor(value / 60);
  if (minutes < 1) return `${whole.format(value)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

type At = string | number | null | undefined;

/** A time in full. */
export function moment(at: At, form = full): string {
  const date = new Date(at ?? NaN);
  return Number.isNaN(date.getTime()) ? NONE : form.format(date);
}

/** A time of today by the clock, an earlier one in full. */
export const time = (at: At): string =>
  moment(at, new Date(at ?? NaN).toDateString() === new Date().toDateString() ? clock : full);

/** The end of an id, which is where ids made in one moment differ. */
export const short = (id: string): string => (id.length > 9 ? `…${id.slice(-8)}` : id);

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** `1 session`, `2 sessions`. */
export const many = (number: number, one: string): string => `${count(number)} ${one}${number === 1 ? "" : "s"}`;
