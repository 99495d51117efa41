/**
 * Reads the daemon's metrics: the text form of Prometheus and OpenMetrics. Knows no metric by name; what the numbers mean
 * is for whoever asks.
 */

interface Sample {
  labels: Map<string, string>;
  value: number;
}

/** The cumulative counts of a histogram by their upper bounds, the last of them infinity. */
export type Buckets = [bound: number, count: number][];

const ESCAPES: Record<string, string> = { n: "\n", '"': '"', "\\": "\\" };
const LINE = /^(?:tenfour_)?([A-Za-z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

function numberOf(text: string): number {
  if (/^\+?inf$/i.test(text)) return Infinity;
  if (/^-inf$/i.test(text)) return -Infinity;
  return Number(text);
}

export class Metrics {
  readonly #samples = new Map<string, Sample[]>();

  /**
   * What cannot be read is left out: a newer daemon may write what this page does not know. The names are without the
   * daemon's own prefix, which most of them have.
   */
  static parse(text: string): Metrics {
    const metrics = new Metrics();
    for (const line of text.split("\n")) {
      const match = LINE.exec(line);
      if (!match) continue;
      const [, name = "", inner = "", value = ""] = match;
      const labels = new Map<string, string>();
      for (const [, label = "", raw = ""] of inner.matchAll(LABEL)) {
        labels.set(label, raw.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char));
      }
      const samples = metrics.#samples.get(name);
      const sample = { labels, value: numberOf(value) };
      if (samples) samples.push(sample);
      else metrics.#samples.set(name, [sample]);
    }
    return metrics;
  }

  /** All samples of the name together; null where there is none, or where one is no number. */
  value(name: string): number | null {
    const samples = this.#samples.get(name);
    const sum = samples?.reduce((total, sample) => total + sample.value, 0);
    return sum === undefined || Number.isNaN(sum) ? null : sum;
  }

  /** The samples of the name by one label, the largest first. */
  by(name: string, label: string): [string, number][] {
    const samples = this.#samples.get(name) ?? [];
    return samples
      .map((sample): [string, number] => [sample.labels.get(label) ?? "", sample.value])
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  /** The text of a label where the name has one sample. */
  label(name: string, label: string): string | null {
    return this.#samples.get(name)?.[0]?.labels.get(label) ?? null;
  }

  buckets(name: string): Buckets {
    const samples = this.#samples.get(`${name}_bucket`) ?? [];
    return samples
      .map((sample): [number, number] => [numberOf(sample.labels.get("le") ?? ""), sample.value])
      .sort((a, b) => a[0] - b[0]);
  }
}

/**
 * The quantile of what was counted between two readings. Within a bucket it is taken to lie evenly, and
 * above the last bound at that bound, as Prometheus does. Null where nothing was counted, or where the later reading is of a daemon that started in between.
 */
export function quantile(q: number, later: Buckets, earlier: Buckets = []): number | null {
  const before = new Map(earlier);
  const counts = later.map(([bound, count]): [number, number] => [bound, count - (before.get(bound) ?? 0)]);
  const total = counts.at(-1)?.[1] ?? 0;
  if (!(total > 0) || counts.some(([, count]) => count < 0)) return null;
  const rank = q * total;
  let [lower, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= rank && count > below) {
      return bound === Infinity ? lower : lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    [lower, below] = [bound, count];
  }
  return null;
}
