import { inScope, storedText, type Target } from '../config/target.ts';
import { hyphenated } from '../config/token-kinds.ts';
import { listedTokens } from '../config/tokens.ts';
import type { Queryable } from '../database/database.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** Rows with the highest keys that are looked at, and tokens of them that are compared with as many fresh ones. */
const ROWS_READ = 1_000;
const TOKENS_COMPARED = 200;

/** Fewer have too little in common that is no coincidence. */
const FEWEST_COMPARED = 20;

/** The form of tokens, without their secret part. */
export interface TokenForm {
  /** Their common beginning, if it looks chosen: words, each followed by a separator. */
  prefix: string;
  /** In characters, without the prefix. */
  shortest: number;
  longest: number;
  characters: string;
}

export async function inspectStoredForm(database: Queryable, target: Target): Promise<Verdict> {
  const stored = await readSample(database, target);
  return judgeStoredForm(target, stored, stored.length < FEWEST_COMPARED ? [] : await fresh(target));
}

/** As the column would hold them. */
async function fresh(target: Target): Promise<readonly string[]> {
  const { hash, type } = target.kind;
  const { stored } = await listedTokens(target, hash?.isOwn ? FEWEST_COMPARED : TOKENS_COMPARED);
  return type === 'uuid' ? stored.map(hyphenated) : stored;
}

/** Reads the tokens with the highest keys, which the application wrote last. Reads nothing while the table is locked. */
async function readSample(database: Queryable, target: Target): Promise<string[]> {
  const { from, key, token, relation } = target;
  const [table] = await database.$queryRaw<{ isLocked: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM pg_locks
      WHERE relation = to_regclass(${relation}) AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS "isLocked"`;
  if (table?.isLocked) return [];
  const rows = await database.$queryRaw<{ token: string }[]>`
    SELECT token FROM (
      SELECT ${storedText(token)} AS token, ${inScope(target)} AS is_in_scope
      FROM ${from} ORDER BY ${key.descending} LIMIT ${ROWS_READ}
    ) AS newest
    WHERE is_in_scope AND token <> '' LIMIT ${TOKENS_COMPARED}`;
  return rows.map((row) => row.token);
}

/** Checks that code which recognizes the stored tokens will recognize the new ones. */
export function judgeStoredForm({ token }: Target, stored: readonly string[], made: readonly string[]): Verdict {
  if (stored.length < FEWEST_COMPARED) return ok('there are too few tokens to compare with the new ones.');
  const [now, then] = [formOf(stored), formOf(made)];
  const [before, after] = [describe(now), describe(then)];
  if (before === after) return ok(`the new tokens have the form of those in ${token.fullName} now: ${after}.`);
  return warning(
    `the newest tokens in ${token.fullName} are ${before}; the new ones will be ${after}.`,
    'Does the code that checks them accept both? If not, choose the kind that the column holds, or deploy that code first.',
  );
}

/** From the narrowest. */
const CHARACTERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['digits', /^[0-9]*$/],
  ['lower-case hexadecimal digits', /^[0-9a-f]*$/],
  ['upper-case hexadecimal digits', /^[0-9A-F]*$/],
  ['hexadecimal digits', /^[0-9a-f]*$/i],
  ['lower-case hexadecimal digits and hyphens', /^[0-9a-f-]*$/],
  ['hexadecimal digits and hyphens', /^[0-9a-f-]*$/i],
  ['letters and digits', /^[0-9a-z]*$/i],
  ['base64url characters', /^[\w-]*$/],
  ['base64 characters', /^[0-9a-z+/=]*$/i],
];

export function formOf(tokens: readonly string[]): TokenForm {
  const prefix = prefixOf(tokens);
  const rests = tokens.map((token) => token.slice(prefix.length));
  const lengths = rests.map(({ length }) => length);
  const [characters = 'characters'] = CHARACTERS.find(([, pattern]) => rests.every((rest) => pattern.test(rest))) ?? [];
  return { prefix, shortest: Math.min(...lengths), longest: Math.max(...lengths), characters };
}

function prefixOf([first = '', ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length -= 1;
  return /^(?:[A-Za-z]+[_.:-])+/.exec(first.slice(0, length))?.[0] ?? '';
}

function describe({ prefix, shortest, longest, characters }: TokenForm): string {
  const length = shortest === longest ? shortest : `${shortest} to ${longest}`;
  return `${prefix === '' ? '' : `${prefix} + `}${length} ${characters}`;
}
