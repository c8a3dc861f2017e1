#!/usr/bin/env node
import { config as loadDotenv } from 'dotenv';
import { describeError } from '../src/index.ts';
import { exitCodeOfError } from './cli/exit-code.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = {
  run: runCommand,
  status: statusCommand,
  verify: verifyCommand,
};

// What nobody waits for in an afterBatch may fail with a message that has tokens in it, and Node would print that.
process.on('unhandledRejection', (error) =>
  fail(error, 'what nobody waits for, in an afterBatch perhaps, has failed: '),
);
process.on('uncaughtException', (error) => fail(error));

function fail(error: unknown, what = ''): void {
  process.stderr.write(`rotate-tokens: ${what}${describeError(error)}\n`);
  process.exit(exitCodeOfError(error));
}

// Whoever reads along may go away (`| head -1`); the rotation is not theirs to stop.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

loadDotenv({ quiet: true });
const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
process.exitCode = await (command ? command(rest) : runCommand(process.argv.slice(2)));
