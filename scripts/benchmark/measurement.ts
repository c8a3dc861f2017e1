/** Result of one way to replace the tokens, on one table. */
export interface Measurement {
  /** Its name for `--only`: `rotate`, `case-5000`. */
  strategy: string;
  /** For people: `this package, tokens made in the database`. */
  label: string;
  /** Rows of the table. */
  tableRows: number;
  /** Rows that were rotated in each run; fewer than `tableRows` when the rest is extrapolated. */
  measuredRows: number;
  /** For the whole table, of each run, in the order of the runs; extrapolated when fewer rows were measured. */
  seconds: number[];
  /** The largest resident set of the client process over all runs, in bytes. */
  peakRssBytes: number;
  /** Write-ahead log of the median run, in bytes; extrapolated like `seconds`. */
  walBytes: number;
  /** In a word or two: `yes`, `no`, `from the last page`. */
  resumable: string;
  /** The client's resident set over the time of the median run. */
  memory: MemorySample[];
  /** Of the median run; missing for ways that have no phases. */
  phases?: Phases;
}

/** Seconds by phase. */
export type Phases = Record<'start' | 'preflight' | 'plan' | 'rotate' | 'verify', number>;

export interface MemorySample {
  seconds: number;
  rssBytes: number;
}

/** Results of one `npm run bench`. */
export interface BenchmarkResults {
  /** ISO time of its end. */
  finishedAt: string;
  machine: { cpu: string; cores: number; memoryBytes: number; node: string; postgres: string };
  /** Server settings that differ from PostgreSQL's defaults. */
  serverSettings: Record<string, string>;
  /** Every strategy on the same table; `one-update` is the reference. */
  strategies: Measurement[];
  /** This package with fixed batch sizes; the size is the number at the end of `strategy`. */
  batchSizes: Measurement[];
  /** This package with 1, 2, 3, … workers, for both kinds of tokens; their number is at the end of `strategy`. */
  workers: Measurement[];
  /** `one-update`, `rotate` and `rotate-database` on tables of growing size. */
  sizes: Measurement[];
  /** Seeding by this package and by one INSERT … SELECT, `seed` and `one-insert`. */
  seeding: Measurement[];
}

export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const middle = Math.floor(ascending.length / 2);
  const upper = ascending[middle] ?? Number.NaN;
  return ascending.length % 2 === 1 ? upper : (upper + (ascending[middle - 1] ?? upper)) / 2;
}

/** @returns true if its times are extrapolated to more rows than were measured */
export function isExtrapolated({ measuredRows, tableRows }: Measurement): boolean {
  return measuredRows < tableRows;
}

/** The number at the end of a strategy's name: 5000 of `batch-5000`. */
export function numberAtEnd(strategy: string): number {
  return Number(/\d+$/.exec(strategy)?.[0] ?? Number.NaN);
}
