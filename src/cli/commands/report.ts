import * as z from 'zod';
import { parse } from '../../config/parse.ts';
import { DEFAULTS } from '../../config/settings.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import { checkReportPath } from '../../report/page/write-report.ts';
import { buildRotationReport } from '../../report/rotation-report.ts';
import { commandLine, PROGRAM } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { readRecorded, writeRotationReport } from '../rotation-report-file.ts';
import { sayError } from '../say-error.ts';

const USAGE = `${PROGRAM} report [options]

Reports a rotation from what the database has recorded of it, at any time: its runs, its orders, what each verification
found, and which lists of leaked tokens were looked up. A name that several targets were rotated under stands for all of
them.`;

const optionsSchema = z.object({
  name: z.string('must be given once, with a value'),
  report: z.string('must be given once, with a value').optional(),
});

/** @param args what follows `report` @returns the exit code */
export async function reportCommand(args: string[]): Promise<number> {
  try {
    const given = await commandLine(args, USAGE)
      .option('name', { describe: 'Name of the rotation', type: 'string', default: DEFAULTS.name, requiresArg: true })
      .option('report', {
        describe: 'Write a report to this file (.html or .json); default: print its summary',
        type: 'string',
        requiresArg: true,
      })
      .parseAsync();
    const { name, report: path } = parse(optionsSchema, given, (field) => `--${field}`);
    if (path !== undefined) await checkReportPath(path);
    const recorded = await readRecorded((each) => each === name || each.startsWith(`${name}:`));
    if (recorded.length === 0) throw new ConfigurationError(`no rotation '${name}' is recorded. Check --name.`);
    if (path === undefined) process.stdout.write(`${buildRotationReport(recorded, new Date()).summary}\n`);
    else await writeRotationReport(path, recorded);
    return 0;
  } catch (error) {
    sayError(error);
    return exitCodeOfError(error);
  }
}
