/**
 * Times and sizes as people read them, in the language of the page.
 *
 * Used by rows and the channel list. Formatters are expensive to make and are made once.
 */
import type { Strings } from "./strings.ts";

export class Times {
  private readonly _clock: Intl.DateTimeFormat;
  private readonly _weekday: Intl.DateTimeFormat;
  private readonly _date: Intl.DateTimeFormat;
  private readonly _day: Intl.DateTimeFormat;
  private readonly _full: Intl.DateTimeFormat;
  private readonly _moment: Intl.DateTimeFormat;
  private readonly _sizes: readonly Intl.NumberFormat[];

  constructor(
    private readonly _strings: Strings,
    locale?: string,
  ) {
    this._sizes = ["byte", "kilobyte", "megabyte", "gigabyte"].map((unit) => {
      const options: Intl.NumberFormatOptions = { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: 1 };
      try {
        return new Intl.NumberFormat(locale || undefined, options);
      } catch {
        return new Intl.NumberFormat(undefined, options);
      }
    });
    const format = (options: Intl.DateTimeFormatOptions) => {
      try {
        return new Intl.DateTimeFormat(locale || undefined, options);
      } catch {
        // A page may name a language that is none.
        return new Intl.DateTimeFormat(undefined, options);
      }
    };
    this._clock = format({ timeStyle: "short" });
    this._weekday = format({ weekday: "short" });
    this._date = format({ day: "numeric", month: "short" });
    this._day = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
    this._moment = format({ dateStyle: "medium", timeStyle: "short" });
    this._full = format({ dateStyle: "full", timeStyle: "medium" });
  }

  _time(iso: string): string {
    return this._clock.format(new Date(iso));
  }

  _exact(iso: string): string {
    return this._full.format(new Date(iso));
  }

  /** For a divider: today, yesterday, or the date. */
  _dayOf(iso: string, now = new Date()): string {
    const days = daysBetween(new Date(iso), now);
    if (days === 0) return this._strings.today;
    if (days === 1) return this._strings.yesterday;
    return this._day.format(new Date(iso));
  }

  /** For a list: the time of today, the day of this week, or the date. */
  _short(iso: string, now = new Date()): string {
    const date = new Date(iso);
    const days = daysBetween(date, now);
    if (days <= 0) return this._clock.format(date);
    if (days === 1) return this._strings.yesterday;
    return (days < 7 ? this._weekday : this._date).format(date);
  }

  /** Of a deadline: the time of today, or the date as well. */
  _due(iso: string, now = new Date()): string {
    const date = new Date(iso);
    return (daysBetween(date, now) === 0 ? this._clock : this._moment).format(date);
  }

  /** Of a file, as people say it. */
  _size(bytes: number): string {
    const step = bytes < 1024 ? 0 : Math.min(this._sizes.length - 1, Math.floor(Math.log2(bytes) / 10));
    const value = bytes / 1024 ** step;
    return this._sizes[step]!.format(value >= 10 ? Math.round(value) : value);
  }

  /** How long ago, for "last seen". */
  _seen(iso: string, now = new Date()): string {
    const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(iso)) / 60_000));
    if (minutes < 1) return this._strings.lastSeenNow;
    if (minutes < 60) return this._strings.lastSeenMinutes(minutes);
    return this._strings.lastSeen(daysBetween(new Date(iso), now) === 0 ? this._clock.format(new Date(iso)) : this._short(iso, now));
  }
}

/** Calendar days, by this device's clock. */
export function daysBetween(from: Date, to: Date): number {
  const day = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day(to) - day(from)) / 86_400_000);
}

export function sameDay(a: string, b: string): boolean {
  // Many neighbours are of one minute; only the others are worth a look at the calendar. Not of one hour of UTC: midnight
  // comes within it where the offset is no whole one.
  return sameMinute(a, b) || daysBetween(new Date(a), new Date(b)) === 0;
}

export function sameMinute(a: string, b: string): boolean {
  return a.slice(0, 16) === b.slice(0, 16);
}
