import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { openTicketDatabase, type TicketDatabase } from '../../scripts/support/ticket-database.ts';
import { parseSettings } from '../../src/config/settings.ts';
import type { RotationEvent } from '../../src/context.ts';
import { backoffMs, isAbort, retry } from '../../src/database/retry.ts';
import { describeError } from '../../src/errors/describe-error.ts';
import { ConfigurationError, GaveUpError, NoAnswerError, OvertakenError } from '../../src/errors/errors.ts';
import { useTestDatabase } from '../support/database.ts';

/** Passes by itself. */
const CONNECTION_LOST = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

/** What the server answered, as the driver adapter throws it. */
function reported(originalCode: string): Error {
  return Object.assign(new Error('x'), { cause: { originalCode, originalMessage: 'x' } });
}

/** What `retry` needs of the context of a rotation. Told events are kept. */
function retryContext(maxRetryTimeMs = 60_000) {
  const controller = new AbortController();
  const events: RotationEvent[] = [];
  return {
    settings: parseSettings({ name: 'test', maxRetryTimeMs }),
    signal: controller.signal,
    onEvent: (event: RotationEvent) => {
      events.push(event);
    },
    events,
    abort: () => controller.abort(),
  };
}

/** Work that fails with these, one after another, and then succeeds; it writes down its attempts. */
function failing(...errors: readonly Error[]) {
  const attempts: number[] = [];
  const work = async (attempt: number) => {
    attempts.push(attempt);
    const error = errors[attempts.length - 1];
    if (error) throw error;
    return 'done';
  };
  return { attempts, work };
}

function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: unknown) => error,
  );
}

describe('the wait before the next attempt', () => {
  it.each([
    [1, 100, 200],
    [2, 200, 400],
    [3, 400, 800],
    [6, 3_200, 6_400],
    [7, 5_000, 10_000],
    [8, 5_000, 10_000],
    [100_000, 5_000, 10_000],
  ])('is, after %d failures, %d to %d ms', (failures, shortest, longest) => {
    expect([backoffMs(failures, 0), backoffMs(failures, 1)]).toEqual([shortest, longest]);
  });

  const failures = fc.integer({ min: 1, max: 1_000_000 });
  const random = fc.double({ min: 0, max: 1, noNaN: true });

  it('is a whole number of milliseconds within its bounds, whatever chance says', () => {
    return fc.assert(
      fc.property(failures, random, (failures, random) => {
        const waitMs = backoffMs(failures, random);
        expect(Number.isInteger(waitMs)).toBe(true);
        expect(waitMs).toBeGreaterThanOrEqual(backoffMs(failures, 0));
        expect(waitMs).toBeLessThanOrEqual(backoffMs(failures, 1));
      }),
    );
  });

  it('never gets shorter with another failure, by the same chance', () => {
    return fc.assert(
      fc.property(failures, random, (failures, random) => {
        expect(backoffMs(failures + 1, random)).toBeGreaterThanOrEqual(backoffMs(failures, random));
      }),
    );
  });

  it('is left to chance when nothing else is said', () => {
    const waits = Array.from({ length: 100 }, () => backoffMs(7));
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(waits.filter((waitMs) => waitMs < 5_000 || waitMs > 10_000)).toEqual([]);
  });
});

describe('what is retried', () => {
  it('is done once, and nothing is told, when it succeeds', async () => {
    const [context, { attempts, work }] = [retryContext(), failing()];
    expect(await retry(context, work)).toBe('done');
    expect([attempts, context.events]).toEqual([[1], []]);
  });

  it('is done again after each fault that passes, and each is told', async () => {
    const [context, { attempts, work }] = [retryContext(), failing(CONNECTION_LOST, reported('57P01'))];
    expect(await retry(context, work, { partition: 3 })).toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
    const told = { type: 'retry', partition: 3, waitMs: expect.any(Number) };
    expect(context.events).toEqual([
      { ...told, attempt: 1, fault: 'the connection to the database was lost.' },
      { ...told, attempt: 2, fault: expect.stringContaining('the database reported 57P01') },
    ]);
  });

  it.each([
    ['a row that is locked', reported('55P03')],
    ['a row that is refused', reported('23505')],
    ['a missing privilege', reported('42501')],
    ['a fault that is not known', reported('XX000')],
    ['a partition that was taken over', new OvertakenError('test', 0)],
    ['a wrong configuration', new ConfigurationError('x')],
    ['a mistake in the code', new TypeError('x')],
  ])('fails at once for what does not pass: %s', async (_, error) => {
    const [context, { attempts, work }] = [retryContext(), failing(error)];
    expect(await errorOf(retry(context, work))).toBe(error);
    expect([attempts, context.events]).toEqual([[1], []]);
  });

  it('fails at once also when something else happens only after a fault that passes', async () => {
    const refused = reported('23505');
    const { attempts, work } = failing(CONNECTION_LOST, refused);
    expect(await errorOf(retry(retryContext(), work))).toBe(refused);
    expect(attempts).toEqual([1, 2]);
  });

  it('can be done again for other kinds of fault, too', async () => {
    const { attempts, work } = failing(reported('55P03'), CONNECTION_LOST);
    expect(await retry(retryContext(), work, { kinds: ['passing', 'contended'] })).toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
  });

  describe('for no longer than it may', () => {
    it('is done once when no time is given', async () => {
      const [context, { attempts, work }] = [retryContext(0), failing(CONNECTION_LOST)];
      const error = await errorOf(retry(context, work));
      expect(error).toBeInstanceOf(GaveUpError);
      expect(error).toMatchObject({ attempts: 1, cause: CONNECTION_LOST });
      expect([attempts, context.events]).toEqual([[1], []]);
    });

    it('is given up when the time is over, with the last fault as the cause', async () => {
      const faults = Array.from({ length: 10 }, (_, index) =>
        Object.assign(new Error(`${index + 1}`), { code: 'ECONNRESET' }),
      );
      const [context, { attempts, work }] = [retryContext(50), failing(...faults)];
      const error = await errorOf(retry(context, work));
      expect(error).toBeInstanceOf(GaveUpError);
      expect(attempts.length).toBeGreaterThan(1);
      expect(error).toMatchObject({ attempts: attempts.length, cause: faults[attempts.length - 1] });
      expect((error as GaveUpError).elapsedMs).toBeGreaterThanOrEqual(50);
    });

    it('never waits beyond that time, so that the last attempt comes at its end', async () => {
      const context = retryContext(50);
      await errorOf(retry(context, () => Promise.reject(CONNECTION_LOST)));
      const waits = context.events.map((event) => (event.type === 'retry' ? event.waitMs : Number.NaN));
      expect(waits.filter((waitMs) => !(waitMs >= 1 && waitMs <= 50))).toEqual([]);
    });

    it('has all of that time from the first failure on, however long the first attempt took', async () => {
      const { attempts, work } = failing(CONNECTION_LOST);
      const slowAtFirst = async (attempt: number) => {
        if (attempt === 1) await sleep(100);
        return work(attempt);
      };
      expect(await retry(retryContext(50), slowAtFirst)).toBe('done');
      expect(attempts).toEqual([1, 2]);
    });
  });

  describe('when the signal is aborted', () => {
    it.each([
      ['in the middle of a wait', (abort: () => void) => setTimeout(abort, 10)],
      ['right before a wait', (abort: () => void) => abort()],
    ])('is not done again: %s', async (_, when) => {
      const [context, { attempts, work }] = [retryContext(), failing(CONNECTION_LOST)];
      const onEvent = () => when(context.abort);
      expect(await errorOf(retry({ ...context, onEvent }, work))).toMatchObject({ name: 'AbortError' });
      expect(attempts).toEqual([1]);
    });

    it('is finished when it is being done, and its result is returned', async () => {
      const context = retryContext();
      const work = async () => {
        context.abort();
        await sleep(10);
        return 'done';
      };
      expect(await retry(context, work)).toBe('done');
    });

    it('is not done again when it fails after that, and nothing is told', async () => {
      const context = retryContext();
      const { attempts, work } = failing(CONNECTION_LOST);
      const aborting = (attempt: number) => {
        context.abort();
        return work(attempt);
      };
      expect(await errorOf(retry(context, aborting))).toMatchObject({ name: 'AbortError' });
      expect([attempts, context.events]).toEqual([[1], []]);
    });

    it('still fails with what does not pass', async () => {
      const [context, refused] = [retryContext(), reported('23505')];
      context.abort();
      expect(await errorOf(retry(context, failing(refused).work))).toBe(refused);
    });

    it('is done once even so when it was aborted before, since the end of a rotation must be read, too', async () => {
      const [context, { attempts, work }] = [retryContext(), failing()];
      context.abort();
      expect(await retry(context, work)).toBe('done');
      expect(attempts).toEqual([1]);
    });
  });
});

describe('a server that has never answered', () => {
  const { database } = useTestDatabase();
  const askedFor = (database: TicketDatabase) => () => database.$queryRaw`SELECT 1 AS one`;

  it('is given up with what was tried', async () => {
    const nowhere = openTicketDatabase('postgresql://nobody:S3cret@127.0.0.1:1/shop');
    const error = await errorOf(retry({ ...retryContext(500), database: nowhere }, askedFor(nowhere)));
    expect(error).toBeInstanceOf(NoAnswerError);
    expect(error).toMatchObject({ database: '127.0.0.1:1/shop', attempts: expect.any(Number) });
    expect(describeError(error)).not.toContain('S3cret');
  });

  it('is one that is only away once it has answered', async () => {
    const context = { ...retryContext(0), database };
    await retry(context, askedFor(database));
    const error = await errorOf(retry(context, failing(CONNECTION_LOST).work));
    expect(error).toMatchObject({ name: 'GaveUpError' });
  });

  it('is one that is only away when its answer was that it cannot be used now', async () => {
    const anew = openTicketDatabase('postgresql://nobody@127.0.0.1:1/shop');
    const { work } = failing(reported('57P03'), CONNECTION_LOST, ...Array(100).fill(CONNECTION_LOST));
    expect(await errorOf(retry({ ...retryContext(50), database: anew }, work))).toMatchObject({ name: 'GaveUpError' });
  });
});

describe('the end of a wait that was cut short', () => {
  it('is told as such', async () => {
    expect(isAbort(await errorOf(sleep(1, undefined, { signal: AbortSignal.abort() })))).toBe(true);
  });

  it.each([new Error('AbortError'), CONNECTION_LOST, 'AbortError', undefined, null])(
    'is told from anything else: %p',
    (error) => {
      expect(isAbort(error)).toBe(false);
    },
  );
});
