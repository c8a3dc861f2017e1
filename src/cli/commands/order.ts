import type { Options } from 'yargs';
import * as z from 'zod';
import { DEFAULT_PAUSE_MS, giveOrder, type Order } from '../../checkpoint/orders.ts';
import { whoIsThis } from '../../checkpoint/who.ts';
import { type Overrides, parseOverrides } from '../../config/overrides.ts';
import { parse } from '../../config/parse.ts';
import { DEFAULTS } from '../../config/settings.ts';
import { attemptOnce } from '../../database/retry.ts';
import { ownSession } from '../../database/session.ts';
import { ConfigurationError } from '../../errors/errors.ts';
import { adviseOnOrder } from '../../report/order-text.ts';
import { printable } from '../../text/printable.ts';
import { commandLine, PROGRAM } from '../arguments.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { openRecords } from '../open-target.ts';
import { sayError } from '../say-error.ts';
import { steerableOptions, steeredBy } from '../setting-options.ts';

const NAME = {
  describe: 'Name of the rotation',
  type: 'string',
  default: DEFAULTS.name,
  requiresArg: true,
} as const;

const REASON = { describe: 'Why, for everybody who looks at the status', type: 'string', requiresArg: true } as const;

const USAGES: Record<Order['action'], string> = {
  pause: `${PROGRAM} pause [options]

Stops all processes of a rotation from writing, within two seconds and from any machine. They keep their claims, and
continue by themselves when the pause is over.`,
  resume: `${PROGRAM} resume [options]

Ends a pause.`,
  set: `${PROGRAM} set [options]

Changes settings of a rotation for all its processes while they run, and for those that are started later. "none" turns a
limit off.`,
};

/** A pause that nobody ends must not leave leaked tokens alive for longer than a night. */
const LONGEST_PAUSE_MS = 24 * 3_600_000;

const MS_OF_UNIT: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000 };

const PAUSE = 'must be seconds, minutes or hours, such as 90s, 30m or 2h, up to 24h';

const orderSchema = z.object({
  name: z.string('must be given once, with a value'),
  reason: z
    .string('must be given once, with a value')
    .max(200, 'must have 200 characters at most')
    .nullable()
    .default(null),
  for: z
    .string(PAUSE)
    .regex(/^\d{1,6}[smh]$/, PAUSE)
    .transform((text) => Number(text.slice(0, -1)) * (MS_OF_UNIT[text.slice(-1)] ?? 0))
    .refine((ms) => ms > 0 && ms <= LONGEST_PAUSE_MS, PAUSE)
    .default(0),
});

/** @returns the command `pause`, `resume` or `set`, which takes what follows it and returns the exit code */
export function orderCommand(action: Order['action']): (args: string[]) => Promise<number> {
  return async (args) => {
    try {
      process.stdout.write(`${printable(adviseOnOrder(await give(action, args)))}\n`);
      return 0;
    } catch (error) {
      sayError(error);
      return exitCodeOfError(error);
    }
  };
}

async function give(action: Order['action'], args: string[]): Promise<Order> {
  const given = await commandLine(args, USAGES[action])
    .options({ name: NAME, ...optionsOf(action), reason: REASON })
    .parseAsync();
  const { name, reason, for: pauseMs } = parse(orderSchema, given, (field) => `--${field}`);
  const overrides = action === 'set' ? overridesIn(given) : {};
  const { database: client, tables } = await openRecords();
  const database = ownSession(client);
  const store = { database, tables, rotation: name };
  try {
    const order = { action, pauseMs, overrides, reason, givenBy: whoIsThis() };
    return await attemptOnce(database, () => giveOrder(store, order));
  } finally {
    await client.$disconnect();
  }
}

function optionsOf(action: Order['action']): Record<string, Options> {
  if (action === 'set') return steerableOptions();
  if (action === 'resume') return {};
  const describe = 'How long, such as 90s, 10m or 2h; then the rotation continues by itself';
  return { for: { describe, type: 'string', default: `${DEFAULT_PAUSE_MS / 60_000}m`, requiresArg: true } };
}

/** @throws ConfigurationError when nothing is to be changed, or a value is wrong */
function overridesIn(given: Record<string, unknown>): Overrides {
  const overrides = steeredBy(given);
  if (Object.keys(overrides).length > 0) return parseOverrides(overrides);
  throw new ConfigurationError('set needs a setting to change, such as --max-rows-per-second 5000. See set --help.');
}
