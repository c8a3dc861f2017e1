import './quiet-environment.ts'; // before anything that logs
import './small-heap.ts'; // before anything that is large
import { config as loadDotenv } from 'dotenv';
import { ConfigurationError } from '../errors/errors.ts';
import { exitCodeOfError } from './exit-code.ts';
import { noisyDiagnostics, quietEnvironment } from './quiet-environment.ts';
import { sayError } from './say-error.ts';

type Command = (args: string[]) => Promise<number>;

/** Each loads no more than it needs. */
const run = async (): Promise<Command> => (await import('./commands/run.ts')).runCommand;
const COMMANDS = new Map<string, () => Promise<Command>>([
  ['run', run],
  ['init', async () => (await import('./commands/init.ts')).initCommand],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand],
  ['status', async () => (await import('./commands/status.ts')).statusCommand],
  ...(['pause', 'resume', 'set'] as const).map((action): [string, () => Promise<Command>] => [
    action,
    async () => (await import('./commands/order.ts')).orderCommand(action),
  ]),
  ['report', async () => (await import('./commands/report.ts')).reportCommand],
  ['expire-grace', async () => (await import('./commands/expire-grace.ts')).expireGraceCommand],
  ['verify', async () => (await import('./commands/verify.ts')).verifyCommand],
]);

// Node would print the error with its message, which may contain tokens.
process.on('unhandledRejection', (error) =>
  fail(error, 'unhandled promise rejection (a call in afterBatch that is not awaited?): '),
);
process.on('uncaughtException', (error) => fail(error));

function fail(error: unknown, what = ''): void {
  sayError(error, what);
  process.exit(exitCodeOfError(error));
}

// A reader may go away (`| head -1`); that does not stop the rotation.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

loadDotenv({ quiet: true });
quietEnvironment(); // .env may set what it turns off
const noisy = noisyDiagnostics();
if (noisy.length > 0) {
  fail(
    new ConfigurationError(
      `${noisy.join(' and ')} would show tokens or the password. Unset it and run the command again.`,
    ),
  );
}
const args = process.argv.slice(2);
const named = COMMANDS.get(args[0] ?? '');
const command = await (named ?? run)();
process.exitCode = await command(named ? args.slice(1) : args);
