/** Draws the pictures of README and docs, from what the command prints today on a PostgreSQL of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRISMA, runCommand } from './support/commands.ts';
import { startEmbeddedServer } from './support/embedded-server.ts';
import { drawTerminal, linesOnScreen } from './support/terminal.ts';
import { openTicketDatabase } from './support/ticket-database.ts';

const FOLDER = join(import.meta.dirname, '..', 'docs', 'screens');
const TICKETS = 1_000_000;
const NAME = 'leak-2026-11';

/** Of the terminal. */
const COLUMNS = 120;

/** The command as a reader types it; here it is started without npx. */
const SHOWN = 'npx tsx scripts/rotate-tokens.ts';

/** The bar shows about this much when the picture of a rotation on its way is taken. */
const HALF_WAY = / 6\d % /;

const folder = await mkdtemp(join(tmpdir(), 'screens-'));
const server = await startEmbeddedServer();
try {
  const url = server.url('postgres');
  await runCommand([...PRISMA, 'migrate', 'deploy'], url, 'pipe');
  await runCommand([...PRISMA, 'db', 'seed', '--', '--size', `${TICKETS}`], url, 'pipe');
  const leaked = join(folder, 'leaked.txt');
  await writeTokens(url, leaked);

  await draw('before', await screenOf(url, ['--name', NAME, '--dry-run']));
  const report = join(folder, 'report.html');
  const rotation = await screenOf(url, ['--name', NAME, '--report', report]);
  await draw('during', rotation.halfWay ?? rotation);
  const verification = await screenOf(url, ['verify', '--name', NAME, '--leaked', leaked]);
  await draw('after', { lines: [...rotation.lines, ...verification.lines] });
  await photograph(report, join(FOLDER, 'report.png'));
} finally {
  await server.stop();
  await rm(folder, { recursive: true });
}

interface Screen {
  lines: string[];
  /** The same while the bar was half full. */
  halfWay?: Screen;
}

/** Runs the command in a terminal, which `script` of util-linux provides. */
async function screenOf(url: string, args: string[]): Promise<Screen> {
  const command = `stty cols ${COLUMNS}; exec node --import tsx scripts/rotate-tokens.ts ${args.join(' ')}`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DATABASE_URL: url, TERM: 'xterm' },
  });
  const prompt = `$ ${SHOWN} ${args.join(' ').replaceAll(`${folder}/`, '')}`;
  const screen = (text: string) => [prompt, ...linesOnScreen(text.replaceAll(`${folder}/`, ''), COLUMNS)];
  let printed = '';
  let halfWay: Screen | undefined;
  terminal.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text;
    if (!halfWay && HALF_WAY.test(text)) halfWay = { lines: screen(printed) };
  });
  const [exitCode] = await once(terminal, 'close');
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with exit code ${exitCode}:\n${printed}`);
  return { lines: screen(printed), ...(halfWay && { halfWay }) };
}

async function writeTokens(url: string, file: string): Promise<void> {
  const database = openTicketDatabase(url);
  const rows = await database.$queryRaw<
    { tokens: string }[]
  >`SELECT string_agg(token::text, E'\n') AS tokens FROM tickets`;
  await writeFile(file, `${rows[0]?.tokens}\n`);
  await database.$disconnect();
}

function draw(name: string, { lines }: Screen): Promise<void> {
  return writeFile(join(FOLDER, `${name}.svg`), drawTerminal(lines));
}

async function photograph(page: string, picture: string): Promise<void> {
  const size = ['--window-size=1000,1400', '--hide-scrollbars'];
  const chromium = spawn('chromium', [
    '--headless',
    '--no-sandbox',
    ...size,
    `--screenshot=${picture}`,
    `file://${page}`,
  ]);
  const [exitCode] = await once(chromium, 'close');
  if (exitCode !== 0) throw new Error(`chromium ended with exit code ${exitCode}`);
}
