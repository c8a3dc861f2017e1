import { config as loadDotenv } from 'dotenv';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = {
  run: runCommand,
  status: statusCommand,
  verify: verifyCommand,
};

// Whoever reads along may go away (`| head -1`); the rotation is not theirs to stop.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

loadDotenv({ quiet: true });
const [name = '', ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
process.exitCode = await (command ? command(rest) : runCommand(process.argv.slice(2)));
