import './quiet-environment.ts'; // before anything that logs
import { config as loadDotenv } from 'dotenv';
import { describeError } from '../errors/describe-error.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { printable } from '../text/printable.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import { exitCodeOfError } from './exit-code.ts';
import { noisyDiagnostics, quietEnvironment } from './quiet-environment.ts';

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = {
  run: runCommand,
  status: statusCommand,
  verify: verifyCommand,
};

// Node would print the error with its message, which may contain tokens.
process.on('unhandledRejection', (error) =>
  fail(error, 'unhandled promise rejection (a call in afterBatch that is not awaited?): '),
);
process.on('uncaughtException', (error) => fail(error));

function fail(error: unknown, what = ''): void {
  process.stderr.write(`rotate-tokens: ${what}${printable(describeError(error))}\n`);
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
const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
process.exitCode = await (command ? command(rest) : runCommand(process.argv.slice(2)));
