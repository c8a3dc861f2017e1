/**
 * Import this before anything else: Prisma and libraries that use `debug` read DEBUG when they are loaded, and then
 * print every parameter (tokens) and the connection (the password). It must import nothing that could do so.
 */
import inspector from 'node:inspector';

/** Effects of these variables on libraries. Empty values have no effect, and keep a `.env` file from setting them. */
const NOISY_VARIABLES: Readonly<Record<string, string>> = {
  DEBUG: 'libraries would print tokens and the password',
  NODE_PG_FORCE_NATIVE: "libpq would print the server's messages",
};

/** Options of Node that write what is in memory or on the wire, or an error with its message. */
const NOISY_OPTIONS =
  /--(abort-on-uncaught-exception|heapsnapshot-near-heap-limit|heapsnapshot-signal|tls-keylog|trace-tls|unhandled-rejections[= ]warn)\b/g;

/** As Node read them when it started; setting them later, as `.env` does, changes nothing. */
const { NODE_DEBUG = '', NODE_OPTIONS = '' } = process.env;

/** Settings of a session that have the server log tokens. */
const NOISY_SETTINGS = /\b(log_|debug_|auto_explain|pgaudit)/;

/**
 * Turns off what would print tokens or the password, and says so on stderr, in a line for each. Call it again after
 * the environment has changed.
 */
export function quietEnvironment(): void {
  for (const [name, effect] of Object.entries(NOISY_VARIABLES)) {
    if (process.env[name]) warn(`${name} is ignored: with it, ${effect}.`);
    process.env[name] = '';
  }
  // Prisma's own copy of DEBUG, which a preloaded module may have set.
  Object.assign(globalThis, { DEBUG: '' });
  if (turnOffReports()) warn('diagnostic reports of Node are turned off, since they contain DATABASE_URL.');
}

/** @returns whether one was on */
function turnOffReports(): boolean {
  const { report } = process;
  if (!report) return false;
  const wasOn = report.reportOnFatalError || report.reportOnSignal || report.reportOnUncaughtException;
  Object.assign(report, { reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false });
  return wasOn;
}

/**
 * Finds what would show tokens or the password and that only the next start can turn off. Call it when the environment
 * is complete.
 *
 * @returns names of variables and of Node's options; empty when a command may go on
 */
export function noisyDiagnostics(): string[] {
  const options = [...process.execArgv, NODE_OPTIONS].join(' ').replaceAll('_', '-');
  return [
    ...(NODE_DEBUG === '' ? [] : ['NODE_DEBUG']),
    // Other settings may be needed, such as a role.
    ...(NOISY_SETTINGS.test(process.env.PGOPTIONS ?? '') ? ['PGOPTIONS'] : []),
    ...(options.match(NOISY_OPTIONS) ?? []),
    ...(inspector.url() === undefined ? [] : ['--inspect']),
  ];
}

function warn(text: string): void {
  process.stderr.write(`rotate-tokens: ${text}\n`);
}

quietEnvironment();
