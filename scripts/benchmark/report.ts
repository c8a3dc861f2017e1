import { formatCount } from '../../src/text/format.ts';
import { type BenchmarkResults, isExtrapolated, type Measurement, median, numberAtEnd } from './measurement.ts';

/**
 * The text of `docs/benchmarks/README.md`, in Markdown. It embeds the files of `drawCharts`, which lie next to it.
 * A group without measurements leaves out its section.
 */
export function writeReport(results: BenchmarkResults): string {
  const { strategies, batchSizes, workers, sizes, seeding } = results;
  const ratio: Column = ['ratio to `one-update`', (row) => formatRatio(row, strategies)];
  const sizeRatio: Column = ['ratio to `one-update`', (row) => formatRatio(row, sizes)];
  const insertRatio: Column = ['ratio to `one-insert`', (row) => formatRatio(row, seeding, 'one-insert')];
  const charted = strategies.some(({ memory }) => memory.length > 0);

  return [
    '# Benchmarks',
    `\`npm run bench\` measured what follows and wrote this page and its charts (${results.finishedAt}). Run it again to replace them; don't edit them by hand.`,
    describeMachine(results),
    describeRules(results),
    ...section(
      'Every way on the same table',
      strategies,
      [WAY, NAME, ROWS, SECONDS, RATE, ratio, RSS, WAL, RESUMABLE],
      {
        after: [
          ...describeExtrapolated(strategies),
          image('Median seconds of each way', 'time-per-strategy'),
          ...(charted ? [image("The client's memory over time, for each way", 'memory-over-time')] : []),
        ],
      },
    ),
    ...section(
      'Where the time goes',
      strategies.filter(({ phases }) => phases !== undefined),
      [WAY, NAME, ...PHASES],
      {
        before:
          'Seconds of the median run of this package. The plan includes condemning; verification reads every row.',
        after: [],
      },
    ),
    ...section('Batch size', batchSizes, [BATCH_SIZE, ROWS, SECONDS, RATE, ratio, RSS, WAL], {
      before: 'This package with batches of a fixed size.',
      after: [...describeExtrapolated(batchSizes), image('Seconds by batch size', 'time-by-batch-size')],
    }),
    ...section('Workers', workers, [WORKERS, WAY, ROWS, SECONDS, RATE, ratio, RSS, WAL], {
      before: 'This package with several connections at a time.',
      after: [...describeExtrapolated(workers), image('Seconds by number of workers', 'workers')],
    }),
    ...section('Table size', sizes, [ROWS, WAY, NAME, SECONDS, RATE, sizeRatio, RSS, WAL], {
      before: 'Each ratio is to `one-update` on a table of the same size.',
      after: [...describeExtrapolated(sizes), image('Seconds by rows of the table', 'scaling')],
    }),
    ...section('Seeding', seeding, [WAY, NAME, ROWS, SECONDS, RATE, insertRatio, RSS, WAL], {
      before: 'Filling the empty table.',
      after: describeExtrapolated(seeding),
    }),
  ]
    .join('\n\n')
    .concat('\n');
}

/** `0.85`, `9.3`, `1,500`: without digits that no two runs share. */
export function formatSeconds(seconds: number): string {
  const digits = seconds < 1 ? 2 : seconds < 100 ? 1 : 0;
  return seconds.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Its heading and the text of its cells. */
type Column = readonly [heading: string, text: (row: Measurement) => string];

const WAY: Column = ['way', ({ label }) => label];
const NAME: Column = ['`--only`', ({ strategy }) => `\`${strategy}\``];
const ROWS: Column = ['rows', ({ tableRows }) => formatCount(tableRows)];
const BATCH_SIZE: Column = ['batch size', ({ strategy }) => formatCount(numberAtEnd(strategy))];
const WORKERS: Column = ['workers', ({ strategy }) => formatCount(numberAtEnd(strategy))];
const SECONDS: Column = ['seconds', (row) => mark(row, formatRuns(row.seconds))];
const RATE: Column = ['rows/s', (row) => mark(row, formatCount(row.tableRows / median(row.seconds)))];
const RSS: Column = ['peak RSS, MB', ({ peakRssBytes }) => formatCount(peakRssBytes / 1e6)];
const WAL: Column = ['WAL, MB', (row) => mark(row, formatCount(row.walBytes / 1e6))];
const RESUMABLE: Column = ['resumable', ({ resumable }) => resumable];
const PHASES: readonly Column[] = (['start', 'preflight', 'plan', 'rotate', 'verify'] as const).map((phase) => [
  phase,
  ({ phases }) => formatSeconds(phases?.[phase] ?? 0),
]);
/** The columns that don't hold numbers. */
const TEXTS: readonly Column[] = [WAY, NAME, RESUMABLE];

function section(
  title: string,
  rows: readonly Measurement[],
  columns: readonly Column[],
  { before, after }: { before?: string; after: readonly string[] },
): string[] {
  if (rows.length === 0) return [];
  const lines = [
    columns.map(([heading]) => heading),
    columns.map((column) => (TEXTS.includes(column) ? '---' : '---:')),
    ...rows.map((row) => columns.map(([, text]) => text(row).replaceAll('|', '\\|'))),
  ];
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return [`## ${title}`, ...(before ? [before] : []), table, ...after];
}

function describeMachine({ machine, serverSettings }: BenchmarkResults): string {
  const changed = Object.entries(serverSettings).map(([name, value]) => `\`${name} = ${value}\``);
  return [
    '## Machine',
    '',
    `- ${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1e9).toFixed(1)} GB of memory; client and server share it`,
    `- Node ${machine.node.replace(/^v/, '')}, PostgreSQL ${machine.postgres.replace(/^PostgreSQL /, '')}`,
    `- Server settings that differ from the defaults: ${changed.join(', ') || 'none'}`,
  ].join('\n');
}

function describeRules(results: BenchmarkResults): string {
  const all = [results.strategies, results.batchSizes, results.workers, results.sizes, results.seeding].flat();
  const runs = all.map(({ seconds }) => seconds.length);
  const [fewest, most] = [Math.min(...runs), Math.max(...runs)];
  const several = fewest === most ? `${most} runs` : `${fewest} to ${most} runs`;
  const figure = most === 1 ? 'one run' : `the median of ${several}, with the fastest and the slowest in brackets`;
  return [
    '## How it was measured',
    '',
    '- One embedded server, everything in one go; client and server talk over the local network interface.',
    '- Before each run the table is vacuumed (`VACUUM FULL`) and analysed, and a checkpoint is made; before seeding it is emptied.',
    "- The time of this package is that of its whole command from start to end: Node's start, preflight, condemning and verification included. The time of the other ways runs from the first statement to the last.",
    ...(all.length > 0 ? [`- A number of seconds is ${figure}.`] : []),
    '- Peak RSS is the largest resident set of the client process; WAL is the write-ahead log of the median run. An MB is 1,000,000 bytes.',
    ...(all.some(isExtrapolated)
      ? ['- What would take too long was measured on fewer rows and extrapolated to the whole table: ≈ marks it.']
      : []),
  ].join('\n');
}

function describeExtrapolated(rows: readonly Measurement[]): string[] {
  const names = rows.filter(isExtrapolated).map(({ strategy, measuredRows, tableRows }) => {
    return `\`${strategy}\` (${formatCount(measuredRows)} of ${formatCount(tableRows)})`;
  });
  return names.length === 0
    ? []
    : [`≈: extrapolated from fewer rows: ${names.join(', ')}. Their peak RSS is that of the run as it was measured.`];
}

function mark(row: Measurement, text: string): string {
  return isExtrapolated(row) ? `≈ ${text}` : text;
}

function formatRuns(seconds: readonly number[]): string {
  const middle = formatSeconds(median(seconds));
  if (seconds.length < 2) return middle;
  return `${middle} (${formatSeconds(Math.min(...seconds))}–${formatSeconds(Math.max(...seconds))})`;
}

function formatRatio(row: Measurement, references: readonly Measurement[], strategy = 'one-update'): string {
  const reference = references.find((each) => each.strategy === strategy && each.tableRows === row.tableRows);
  if (reference === undefined) return '–';
  const ratio = median(row.seconds) / median(reference.seconds);
  const text = ratio < 10 ? ratio.toFixed(2) : formatCount(ratio);
  return isExtrapolated(row) || isExtrapolated(reference) ? `≈ ${text}` : text;
}

function image(alt: string, name: string): string {
  return `![${alt}](${name}.svg)`;
}
