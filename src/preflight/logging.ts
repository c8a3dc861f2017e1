import type { Settings } from '../config/settings.ts';
import type { Queryable } from '../database/database.ts';
import { formatSeconds } from '../text/format.ts';
import { ok, type Verdict, warning } from './verdict.ts';

/** Settings by name, durations in milliseconds; what the server does not know is missing. */
export type LogSettings = Readonly<Record<string, string>>;

/** A way into the server's log for what is sent as a parameter, and the setting that closes it. */
interface Leak {
  through: string;
  remedy: string;
}

export async function inspectLogging(database: Queryable, { tokens }: Pick<Settings, 'tokens'>): Promise<Verdict> {
  return judgeLogging(await readLogSettings(database), tokens);
}

/**
 * `pg_settings` knows settings of an extension only where it is loaded, unlike `current_setting`, and has durations in
 * milliseconds. They hold for this user and database, so for the rotation's other sessions, too.
 */
async function readLogSettings(database: Queryable): Promise<LogSettings> {
  const rows = await database.$queryRaw<{ name: string; setting: string }[]>`
    SELECT name, setting FROM pg_settings
    WHERE setting IS NOT NULL AND split_part(name, '.', 1) ~ '^(log_.*|auto_explain|pgaudit)$'`;
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** Tokens that are made here travel as parameters of statements; those that the database makes don't travel. */
export function judgeLogging(settings: LogSettings, tokens: Settings['tokens']): Verdict {
  if (tokens === 'database')
    return ok('the database makes the tokens, so no statement that could be logged contains one.');
  const leaks = [
    ...leaksOfParameters(settings),
    ...leaksOnError(settings),
    ...leaksOfAutoExplain(settings),
    ...leaksOfPgAudit(settings),
  ];
  if (leaks.length === 0) return ok('the server does not log parameters of statements, so it logs no token.');
  const remedies = [...new Set(leaks.map(({ remedy }) => remedy))];
  return warning(
    `the server would log fresh tokens: ${leaks.map(({ through }) => through).join('; ')}.`,
    `Use --tokens database, which sends no token, or let a superuser set ${remedies.join(' and ')} for this user (ALTER ROLE … SET).`,
  );
}

/** Statements that are logged have their parameters in the DETAIL. `log_duration` alone shows none. */
function leaksOfParameters(settings: LogSettings): Leak[] {
  if (hidesDetails(settings) || is(settings, 'log_parameter_max_length', 0)) return [];
  const through = [
    ...(['mod', 'all'].includes(settings.log_statement ?? '') ? [`log_statement = ${settings.log_statement}`] : []),
    ...slowStatements(settings, 'log_min_duration_statement'),
    ...(number(settings, 'log_statement_sample_rate') > 0 ? slowStatements(settings, 'log_min_duration_sample') : []),
    ...(number(settings, 'log_transaction_sample_rate') > 0
      ? [`log_transaction_sample_rate = ${settings.log_transaction_sample_rate}`]
      : []),
  ];
  return through.map((each) => ({ through: each, remedy: 'log_parameter_max_length = 0' }));
}

/** Also of statements that succeed, where a trigger warns or log_lock_waits has something to say. */
function leaksOnError(settings: LogSettings): Leak[] {
  const setting = 'log_parameter_max_length_on_error';
  if (hidesDetails(settings) || is(settings, setting, 0)) return [];
  const through = `${setting} = ${settings[setting]} (statements that fail, warn or wait for a lock)`;
  return settings[setting] === undefined ? [] : [{ through, remedy: `${setting} = 0` }];
}

/** It has parameters in the message itself, since version 16, and, when verbose, in the plan, where they are constants. */
function leaksOfAutoExplain(settings: LogSettings): Leak[] {
  const maxLength = settings['auto_explain.log_parameter_max_length'];
  const shows = (maxLength !== undefined && maxLength !== '0') || settings['auto_explain.log_verbose'] === 'on';
  if (!shows || is(settings, 'auto_explain.sample_rate', 0)) return [];
  const through = slowStatements(settings, 'auto_explain.log_min_duration');
  return through.map((each) => ({ through: each, remedy: 'auto_explain.log_min_duration = -1' }));
}

/** None, unless the server is set to log. A batch reads and writes the table in one statement, so either class logs it. */
function leaksOfPgAudit(settings: LogSettings): Leak[] {
  if (settings['pgaudit.log_parameter'] !== 'on') return [];
  const classes = auditedClasses(settings['pgaudit.log'] ?? '');
  const role = settings['pgaudit.role'] ?? '';
  if (!classes.has('read') && !classes.has('write') && role === '') return [];
  const what = role === '' ? `pgaudit.log = ${settings['pgaudit.log']}` : `pgaudit.role = ${role}`;
  return [{ through: `pgaudit.log_parameter = on with ${what}`, remedy: 'pgaudit.log_parameter = off' }];
}

/** Of a list such as `all, -misc`. */
function auditedClasses(list: string): Set<string> {
  const classes = new Set<string>();
  for (const item of list.toLowerCase().split(/[\s,]+/)) {
    const isLess = item.startsWith('-');
    const name = item.replace(/^-/, '');
    for (const each of name === 'all' ? ['read', 'write'] : [name]) isLess ? classes.delete(each) : classes.add(each);
  }
  return classes;
}

/** Terse logs leave DETAIL and CONTEXT out; those in CSV and JSON have them whatever the verbosity. */
function hidesDetails(settings: LogSettings): boolean {
  return settings.log_error_verbosity === 'terse' && !/csvlog|jsonlog/.test(settings.log_destination ?? '');
}

function slowStatements(settings: LogSettings, name: string): string[] {
  const ms = number(settings, name);
  if (ms < 0) return [];
  return [
    ms === 0 ? `${name} = 0 (all statements)` : `${name} = ${formatSeconds(ms / 1000)} (statements that take longer)`,
  ];
}

function is(settings: LogSettings, name: string, value: number): boolean {
  return number(settings, name) === value;
}

/** -1, which stands for "off" or "no limit", where it is missing. */
function number(settings: LogSettings, name: string): number {
  return Number(settings[name] ?? -1);
}
