import type { RotationRecord } from '../checkpoint/rotation-record.ts';
import type { Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { kindOf, meaningOf } from '../errors/fault-table.ts';
import type { Finding } from '../finding.ts';
import type { OpenTransaction } from '../plan/open-transactions.ts';
import { rowTriggers } from '../preflight/triggers.ts';
import { formatTime } from '../text/format.ts';
import { countOf, listed } from '../text/wording.ts';
import type { CondemnedScan, Survivors } from './scan.ts';

const CHECK = 'condemned-tokens';

/** Rows that could not be given a fresh token, as far as that was tried: key → SQLSTATE or NOT_TAKEN. */
export type SurvivorFaults = ReadonlyMap<string, string>;

/** What may have brought a condemned token back, or kept it, as far as the catalog tells. */
export interface Causes {
  /** Triggers that fire for each updated row. */
  triggers: string[];
  /** Subscriptions that write the table. */
  subscriptions: string[];
  /** Whether the table is not the one that was there when the rotation was planned. */
  isOtherTable: boolean;
}

/** Looks for causes; nothing of this decides whether a token survived. */
export async function findCauses(
  { database, target, signal, settings, onEvent }: RotationContext,
  { tableOid }: RotationRecord,
): Promise<Causes> {
  return retry({ signal, settings, onEvent }, async () => ({
    triggers: await rowTriggers(database, target),
    subscriptions: await readSubscriptions(database, target),
    isOtherTable: tableOid !== (await readOid(database, target)),
  }));
}

async function readOid(database: Queryable, { relation }: Target): Promise<bigint | undefined> {
  const [table] = await database.$queryRaw<{ oid: bigint }[]>`SELECT ${relation}::regclass::oid::bigint AS oid`;
  return table?.oid;
}

/** By the catalog that everybody may read; names of subscriptions are for superusers. */
async function readSubscriptions(database: Queryable, { relation }: Target): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT srsubid::text AS id FROM pg_subscription_rel WHERE srrelid = ${relation}::regclass ORDER BY 1`;
  return rows.map(({ id }) => id);
}

/**
 * What the scan has shown of condemned tokens.
 *
 * @param scan null where the rotation was planned without condemned tokens
 */
export function condemnedFinding(
  { tableName }: Target,
  rotation: RotationRecord,
  scan: CondemnedScan | null,
  causes: Causes,
  faults: SurvivorFaults = new Map(),
): Finding {
  if (scan === null) return notCondemned(rotation);
  const { condemned, hashes, inScope, outOfScope, openTransactions } = scan;
  if (hashes !== condemned) return hashesMissing(rotation, condemned, hashes);
  if (inScope.count > 0) {
    return {
      check: CHECK,
      level: 'stop',
      message: `${countOf(inScope.count, 'row')} of ${tableName} still ${inScope.count === 1 ? 'holds' : 'hold'} a condemned token, by key: ${listedKeys(inScope, faults)}.`,
      advice: `${likelyCause(causes, faults)} Then run the same command again: it rotates just these.`,
    };
  }
  if (outOfScope.count > 0) {
    return {
      check: CHECK,
      level: 'stop',
      message: `${countOf(outOfScope.count, 'row')} outside the scope ${outOfScope.count === 1 ? 'holds' : 'hold'} a condemned token, by key: ${listedKeys(outOfScope)}.`,
      advice:
        'Such a token still works, and a rotation changes no row outside its scope: rotate these rows with a target of their own, or give them a token by hand.',
    };
  }
  if (openTransactions.length > 0) return stillOpen(tableName, openTransactions);
  const again = rotation.survivorsRotated;
  const late =
    again === 0n ? '' : ` ${countOf(Number(again), 'row')} held one after the last batch, and got another fresh token.`;
  return {
    check: CHECK,
    level: 'ok',
    message: `None of the ${countOf(condemned, 'token')} that were valid when the rotation began is in ${tableName} any more, under any key.${late}`,
  };
}

function notCondemned({ startedAt }: RotationRecord): Finding {
  return {
    check: CHECK,
    level: 'warning',
    message: `The rotation, started at ${formatTime(startedAt)}, condemned no tokens. Nothing is known about tokens that were moved, restored or written back.`,
    advice: 'Look the leaked tokens up with verify --leaked.',
  };
}

/** The hashes go when the verification has passed, unless they are to be kept. */
function hashesMissing({ verifiedAt }: RotationRecord, condemned: number, hashes: number): Finding {
  if (verifiedAt !== null) {
    return {
      check: CHECK,
      level: 'warning',
      message: `The ${countOf(condemned, 'condemned token')} were looked for, and none was found, at ${formatTime(verifiedAt)}. Their hashes were then removed, so this look says nothing about them.`,
      advice:
        'Look the leaked tokens up with verify --leaked. To look again at any time, rotate with --keep-condemned.',
    };
  }
  return {
    check: CHECK,
    level: 'stop',
    message: `Not conclusive: of ${countOf(condemned, 'condemned token')}, ${countOf(condemned - hashes, 'hash', 'hashes')} are missing in condemned_tokens.`,
    advice: 'Restore them from a backup, or rotate everything once more (--again, under another --name).',
  };
}

function stillOpen(tableName: string, open: readonly OpenTransaction[]): Finding {
  const pids = open.flatMap(({ pid }) => pid ?? []);
  const who = pids.length > 0 ? `PostgreSQL process ${listed(pids.map(String))}` : 'a prepared transaction';
  return {
    check: CHECK,
    level: 'stop',
    message: `Not conclusive: ${who} began to change ${tableName} before the rotation, and has not committed. Rows with leaked tokens may still come.`,
    advice: `End it (${pids.length > 0 ? `SELECT pg_terminate_backend(${pids[0]})` : 'see pg_prepared_xacts'}), then run the same command again.`,
  };
}

function listedKeys({ keys, count }: Survivors, faults: SurvivorFaults = new Map()): string {
  const named = keys.map((key) => (faults.has(key) ? `${key} (${faults.get(key)})` : key));
  return listed(named, count);
}

/** The likeliest first. */
function likelyCause({ triggers, subscriptions, isOtherTable }: Causes, faults: SurvivorFaults): string {
  const meanings = [...new Set(faults.values())].map(meaningOf).filter(Boolean);
  if ([...faults.values()].some((fault) => kindOf(fault) === 'contended')) return meanings.join(' ');
  if (triggers.length > 0) {
    const which = triggers.length === 1 ? 'Its trigger is' : 'Its triggers are';
    return [...meanings, `Does a trigger put the old token back? ${which} ${listed(triggers)}: disable it.`].join(' ');
  }
  if (meanings.length > 0) return meanings.join(' ');
  if (subscriptions.length > 0)
    return 'A logical replication subscription writes this table, and brings old tokens back: rotate at the publisher.';
  if (isOtherTable) return 'Another table took this one’s name during the rotation: see who copies it.';
  return 'Something writes old tokens back: an application with a cache, a restore or a job. Stop it.';
}
