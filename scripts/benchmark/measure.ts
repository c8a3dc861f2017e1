import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TicketDatabase } from '../support/ticket-database.ts';
import { type Measurement, type MemorySample, median, type Phases } from './measurement.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SAMPLE_INTERVAL_MS = 100;

/** A command to measure: a Node script of this package whose output tells how long it took. */
export interface Candidate {
  strategy: string;
  label: string;
  resumable: string;
  /** Arguments of `node --import tsx`. */
  args: string[];
  /** True if one run is enough, because the result is far from the others or extrapolated. */
  once: boolean;
  /** Rows that it rotates; undefined: all. */
  measuredRows?: number;
  /**
   * Reads from what the command printed how long it took, and how much of that doesn't depend on `measuredRows`.
   *
   * @param seconds from its start to its end
   */
  timesOf(stdout: string, seconds: number): { seconds: number; secondsBefore: number };
  /** The same by phase. @param startedAtMs when it was started, since 1970 */
  phasesOf?(stdout: string, startedAtMs: number): Phases;
}

interface Run {
  seconds: number;
  secondsBefore: number;
  peakRssBytes: number;
  walBytes: number;
  memory: MemorySample[];
  phases: Phases | undefined;
}

/** The server and the table that the candidates are measured on. */
export interface Bench {
  database: TicketDatabase;
  url: string;
  tableRows: number;
  repeat: number;
  log(line: string): void;
}

/** Measures the candidates in turn, A B C A B C …, so that a change of the machine's speed hits all of them. */
export async function measureAll(
  bench: Bench,
  candidates: readonly Candidate[],
  prepare: (database: TicketDatabase) => Promise<void> = rest,
): Promise<Measurement[]> {
  const runs = new Map<Candidate, Run[]>(candidates.map((candidate) => [candidate, []]));
  for (let round = 0; round < bench.repeat; round += 1) {
    for (const candidate of candidates) {
      if (round > 0 && candidate.once) continue;
      await prepare(bench.database);
      const run = await measureOnce(bench, candidate);
      runs.get(candidate)?.push(run);
      bench.log(`${candidate.strategy}: ${run.seconds.toFixed(1)} s, ${Math.round(run.peakRssBytes / 1e6)} MB`);
    }
  }
  return candidates.map((candidate) => summarise(bench, candidate, runs.get(candidate) ?? []));
}

/** The start for seeding: nothing at all. */
export async function clear(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`TRUNCATE tickets, rotations RESTART IDENTITY CASCADE`;
  await database.$executeRaw`CHECKPOINT`;
}

/** The same start for everybody: a table without dead rows, with statistics, and no rotation that was done before. */
async function rest(database: TicketDatabase): Promise<void> {
  await database.$executeRaw`TRUNCATE rotations CASCADE`;
  await database.$executeRaw`VACUUM (FULL, ANALYZE) tickets`;
  await database.$executeRaw`CHECKPOINT`;
}

async function measureOnce({ database, url }: Bench, { args, timesOf, phasesOf }: Candidate): Promise<Run> {
  const walBefore = await walPosition(database);
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DATABASE_URL: url },
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  const memory: MemorySample[] = [];
  let peakRssBytes = 0;
  const [startedAtMs, startedAt] = [performance.now(), Date.now()];
  const timer = setInterval(async () => {
    const { rss, peak } = await memoryOf(child.pid);
    if (rss > 0) memory.push({ seconds: (performance.now() - startedAtMs) / 1000, rssBytes: rss });
    peakRssBytes = Math.max(peakRssBytes, peak);
  }, SAMPLE_INTERVAL_MS);
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - startedAtMs) / 1000;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with exit code ${code}`);
  const walBytes = (await walPosition(database)) - walBefore;
  return { ...timesOf(stdout, seconds), phases: phasesOf?.(stdout, startedAt), peakRssBytes, walBytes, memory };
}

function summarise({ tableRows }: Bench, candidate: Candidate, runs: Run[]): Measurement {
  const measuredRows = Math.min(candidate.measuredRows ?? tableRows, tableRows);
  const scale = tableRows / measuredRows;
  const middle = median(runs.map(({ seconds }) => seconds));
  const typical = runs.toSorted((a, b) => Math.abs(a.seconds - middle) - Math.abs(b.seconds - middle))[0];
  return {
    strategy: candidate.strategy,
    label: candidate.label,
    tableRows,
    measuredRows,
    seconds: runs.map(({ seconds, secondsBefore }) => secondsBefore + (seconds - secondsBefore) * scale),
    peakRssBytes: Math.max(...runs.map((run) => run.peakRssBytes)),
    walBytes: (typical?.walBytes ?? 0) * scale,
    resumable: candidate.resumable,
    memory: typical?.memory ?? [],
    ...(typical?.phases && { phases: typical.phases }),
  };
}

async function walPosition(database: TicketDatabase): Promise<number> {
  const [position] = await database.$queryRaw<{ bytes: number }[]>`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`;
  return position?.bytes ?? 0;
}

/** Resources of a process on Linux; zeros after its end, and on other systems. */
async function memoryOf(pid: number | undefined): Promise<{ rss: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { rss: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
}
