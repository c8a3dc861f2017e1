import type { Candidate } from './measure.ts';
import type { Phases } from './measurement.ts';
import { STRATEGIES } from './strategies.ts';

/** Every way of doing it: the reference first, then this package, then the alternatives. */
export function everyWay(): Candidate[] {
  const alternatives = Object.keys(STRATEGIES).filter((name) => name !== 'one-update' && name !== 'one-insert');
  return [...contenders(), ...alternatives.map((strategy) => ({ ...alternative(strategy), once: true }))];
}

/** The reference and this package as it comes. */
export function contenders(): Candidate[] {
  return [
    alternative('one-update'),
    rotation('rotate', 'this package', []),
    rotation('rotate-no-condemn', 'this package, without condemning', ['--no-condemn']),
    rotation('rotate-database', 'this package, tokens made in the database', ['--tokens', 'database']),
  ];
}

export function fixedBatchSizes(): Candidate[] {
  return [500, 2_000, 5_000, 20_000].map((size) =>
    rotation(`batch-size-${size}`, `batches of ${size.toLocaleString('en')}`, ['--batch-size', `${size}`]),
  );
}

export function growingWorkers(): Candidate[] {
  return [1, 2, 3, 4].flatMap((workers) => [
    rotation(
      `workers-${workers}`,
      `${workers} ${workers === 1 ? 'worker' : 'workers'}, tokens made in the application`,
      ['--workers', `${workers}`],
    ),
    rotation(
      `workers-database-${workers}`,
      `${workers} ${workers === 1 ? 'worker' : 'workers'}, tokens made in the database`,
      [...['--workers', `${workers}`], ...['--tokens', 'database']],
    ),
  ]);
}

/** Seeding by this package, and by one statement as the reference. */
export function seeders(rows: number): Candidate[] {
  return [
    { ...alternative('one-insert'), args: ['scripts/benchmark/run-strategy.ts', 'one-insert', `${rows}`] },
    {
      strategy: 'seed',
      label: 'npx prisma db seed',
      resumable: 'yes',
      once: false,
      args: ['prisma/seed.ts', '--size', `${rows}`],
      timesOf: (stdout) => ({ seconds: Number(/ in ([\d.]+) s;/.exec(stdout)?.[1]), secondsBefore: 0 }),
    },
  ];
}

function alternative(strategy: string): Candidate {
  const found = STRATEGIES[strategy];
  if (found === undefined) throw new Error(`there is no strategy "${strategy}"`);
  const { label, resumable, measuredRows } = found;
  return {
    strategy,
    label,
    resumable,
    once: false,
    ...(measuredRows === undefined ? {} : { measuredRows }),
    args: ['scripts/benchmark/run-strategy.ts', strategy, `${measuredRows ?? Number.MAX_SAFE_INTEGER}`],
    timesOf: (stdout) => JSON.parse(stdout),
  };
}

/** The real command. Its time is that of a watch beside it: from its start to its end, with everything in between. */
function rotation(strategy: string, label: string, options: string[]): Candidate {
  return {
    strategy,
    label,
    resumable: 'yes',
    once: false,
    args: ['scripts/rotate-tokens.ts', '--json', ...options],
    timesOf: (_, seconds) => ({ seconds, secondsBefore: 0 }),
    phasesOf,
  };
}

/** The event at the end of each phase. */
const PHASE_ENDS = {
  start: 'begin',
  preflight: 'preflight',
  plan: 'started', // condemning included
  rotate: 'verifying',
  verify: 'complete',
} as const;

function phasesOf(stdout: string, startedAtMs: number): Phases {
  const events: { event: string; time: string }[] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  let beganAtMs = startedAtMs;
  const phases = Object.entries(PHASE_ENDS).map(([phase, end]) => {
    const endedAtMs = Date.parse(events.find(({ event }) => event === end)?.time ?? '');
    const seconds = (endedAtMs - beganAtMs) / 1000;
    beganAtMs = endedAtMs;
    return [phase, seconds];
  });
  return Object.fromEntries(phases);
}
