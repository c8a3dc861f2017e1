import { setTimeout as sleep } from 'node:timers/promises';
import type { RotationContext } from '../context.ts';
import { describeError } from '../errors/describe-error.ts';
import { GaveUpError, NoAnswerError } from '../errors/errors.ts';
import type { FaultKind } from '../errors/fault-table.ts';
import { databaseFault, faultKind } from '../errors/faults.ts';
import { type Database, labelOf } from './database.ts';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** Time for which a server is tried that has never answered, in milliseconds: most likely the URL is wrong. */
const FIRST_CONTACT_MS = 15_000;

/** The databases whose server has answered this process. */
const answered = new WeakSet<Database>();

/**
 * Computes the wait after a number of failures, in milliseconds. It doubles each time, up to a limit, and half of it is
 * random, so that the clients of a server do not all return at the same moment ("equal jitter" in the AWS Architecture
 * Blog, Exponential Backoff And Jitter, 2015).
 *
 * @param failures 1 or more
 * @param random 0 to 1
 */
export function backoffMs(failures: number, random: number = Math.random()): number {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
  return Math.round((longest * (1 + random)) / 2);
}

/** The part of a rotation's context that a retry needs. */
export interface RetryContext extends Pick<RotationContext, 'signal' | 'onEvent'> {
  /** Whose answers count. @default it has answered before */
  database?: Database;
  settings: Pick<RotationContext['settings'], 'maxRetryTimeMs'>;
}

/** Faults to retry, and where they happen. */
export interface RetryOptions {
  /** @default only what passes by itself */
  kinds?: readonly FaultKind[];
  /** The partition, for the event. */
  partition?: number;
}

/**
 * Retries a step while its faults pass, for at most `settings.maxRetryTimeMs` after the first failure, or 15 seconds if
 * the server has never answered. Reports each failure.
 *
 * @param work receives the number of the attempt, from 1, and the fault of the one before; errors that are not to be
 * retried are thrown unchanged
 * @throws GaveUpError when the time is up; its subclass NoAnswerError when the server has never answered
 * @throws AbortError when the signal is aborted during a wait; an attempt is never interrupted
 */
export async function retry<Result>(
  { database, settings, signal, onEvent }: RetryContext,
  work: (attempt: number, fault?: string) => Promise<Result>,
  { kinds = ['passing'], partition }: RetryOptions = {},
): Promise<Result> {
  const startedAtMs = performance.now();
  let failingSinceMs: number | undefined;
  let fault: string | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await work(attempt, fault);
      if (database) answered.add(database);
      return result;
    } catch (error) {
      if (database && databaseFault(error).answered) answered.add(database);
      if (!kinds.includes(faultKind(error))) throw error;
      const isFirstContact = database !== undefined && !answered.has(database);
      failingSinceMs ??= isFirstContact ? startedAtMs : performance.now();
      const elapsedMs = performance.now() - failingSinceMs;
      const longestMs = isFirstContact ? Math.min(FIRST_CONTACT_MS, settings.maxRetryTimeMs) : settings.maxRetryTimeMs;
      if (elapsedMs >= longestMs) {
        if (isFirstContact) throw new NoAnswerError(error, attempt, elapsedMs, labelOf(database));
        throw new GaveUpError(error, attempt, elapsedMs);
      }
      const waitMs = Math.min(backoffMs(attempt), Math.ceil(longestMs - elapsedMs));
      fault = describeError(error);
      if (!signal.aborted) onEvent({ type: 'retry', partition, attempt, waitMs, fault });
      await sleep(waitMs, undefined, { signal });
    }
  }
}

/**
 * Does a step without retrying it, for commands that somebody can simply repeat.
 *
 * @throws GaveUpError, NoAnswerError as `retry` does, so that a fault reads the same
 */
export function attemptOnce<Result>(database: Database, work: () => Promise<Result>): Promise<Result> {
  const { signal } = new AbortController();
  return retry({ database, signal, settings: { maxRetryTimeMs: 0 }, onEvent: () => {} }, work);
}

/** @returns true if the error only means that a signal has ended a wait */
export function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
