import type { RotationRecord } from '../checkpoint/rotation-record.ts';
import type { Target } from '../config/target.ts';
import type { RotationContext } from '../context.ts';
import type { Queryable } from '../database/database.ts';
import { retry } from '../database/retry.ts';
import { kindOf, meaningOf } from '../errors/fault-table.ts';
import { CONDEMNED_TOKENS, type Finding } from '../finding.ts';
import type { OpenTransaction } from '../plan/open-transactions.ts';
import { rowTriggers } from '../preflight/triggers.ts';
import { formatTime } from '../text/format.ts';
import { countOf, listed } from '../text/wording.ts';
import type { CondemnedScan, Survivors } from './scan.ts';

/** Rows that could not be given a fresh token, as far as that was tried: key → SQLSTATE or NOT_TAKEN. */
export type SurvivorFaults = ReadonlyMap<string, string>;

/** Causes in the catalog that may have kept or restored a condemned token. */
export interface Causes {
  /** Triggers that fire for each updated row. */
  triggers: string[];
  /** Subscriptions that write the table. */
  subscriptions: string[];
  /** True if the table is not the one for which the rotation was planned. */
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
 * The finding of a scan about condemned tokens.
 *
 * @param scan null if the rotation was planned without condemning
 */
export function condemnedFinding(
  { tableName, token, grace }: Target,
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
      check: CONDEMNED_TOKENS,
      level: 'stop',
      message: `${countOf(inScope.count, 'row')} of ${tableName} still ${inScope.count === 1 ? 'holds' : 'hold'} a condemned token, by key: ${listedKeys(inScope, faults)}.`,
      advice: `${likelyCause(causes, faults)} Then run the same command again: it rotates just these.`,
    };
  }
  if (outOfScope.count > 0) {
    return {
      check: CONDEMNED_TOKENS,
      level: 'stop',
      message: `${countOf(outOfScope.count, 'row')} outside the scope ${outOfScope.count === 1 ? 'holds' : 'hold'} a condemned token, by key: ${listedKeys(outOfScope)}.`,
      advice:
        'These tokens still work, and a rotation changes no row outside its scope. Rotate these rows with another target, or change their tokens by hand.',
    };
  }
  if (openTransactions.length > 0) return stillOpen(tableName, openTransactions);
  const again = rotation.survivorsRotated;
  const late =
    again === 0n ? '' : ` ${countOf(Number(again), 'row')} held one after the last batch and got another fresh token.`;
  return {
    check: CONDEMNED_TOKENS,
    level: 'ok',
    message: `None of the ${countOf(condemned, 'token')} that were valid when the rotation began is left in ${grace === null ? tableName : token.fullName}, under any key.${late}`,
  };
}

function notCondemned({ startedAt }: RotationRecord): Finding {
  return {
    check: CONDEMNED_TOKENS,
    level: 'warning',
    message: `The rotation, started at ${formatTime(startedAt)}, condemned no tokens, so tokens that were moved, restored or written back would go unnoticed.`,
    advice: 'Look the leaked tokens up with verify --leaked.',
  };
}

/** True if the hashes were removed after verification, as they are unless they are to be kept. */
function hashesMissing({ verifiedAt }: RotationRecord, condemned: number, hashes: number): Finding {
  if (verifiedAt !== null) {
    return {
      check: CONDEMNED_TOKENS,
      level: 'warning',
      message: `The ${countOf(condemned, 'condemned token')} were looked up at ${formatTime(verifiedAt)}, and none was left. Their hashes were then removed, so this run did not look them up.`,
      advice:
        'Look the leaked tokens up with verify --leaked. To look again at any time, rotate with --keep-condemned.',
    };
  }
  return {
    check: CONDEMNED_TOKENS,
    level: 'stop',
    message: `Not conclusive: of ${countOf(condemned, 'condemned token')}, ${countOf(condemned - hashes, 'hash', 'hashes')} are missing in condemned_tokens.`,
    advice: 'Restore them from a backup, or rotate everything again (--again, with another --name).',
  };
}

function stillOpen(tableName: string, open: readonly OpenTransaction[]): Finding {
  const pids = open.flatMap(({ pid }) => pid ?? []);
  const who = pids.length > 0 ? `PostgreSQL process ${listed(pids.map(String))}` : 'a prepared transaction';
  return {
    check: CONDEMNED_TOKENS,
    level: 'stop',
    message: `Not conclusive: ${who} began to change ${tableName} before the rotation and has not committed. It may still add rows with leaked tokens.`,
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
    return 'A logical replication subscription writes old tokens to this table. Rotate at the publisher.';
  if (isOtherTable) return 'Another table took the name of this one during the rotation. Find out what copies it.';
  return 'An application with a cache, a restore or a job writes old tokens back. Stop it.';
}
