import { describe, expect, it } from '@jest/globals';
import { dataModelOf } from '../../src/config/data-model.ts';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import type { Target } from '../../src/config/target.ts';
import { sha256, type TokenKind, uuid } from '../../src/index.ts';
import { planRotation } from '../../src/plan/plan-rotation.ts';
import { readLeakedList } from '../../src/verify/leaked-list.ts';
import { findSurvivors } from '../../src/verify/survivors.ts';
import { useTestDatabase } from '../support/database.ts';
import { ticketContext } from '../support/rotations.ts';
import { insertTickets, keysUpTo } from '../support/tickets.ts';

/** Too short, in a column that has only hashes, to be taken for tokens. */
const LEAKED = keysUpTo(30).map((key) => `seat-${key}`);

describe('an entry of a leaked list that looks like no token of the column', () => {
  const { database } = useTestDatabase();

  it('was looked up where a rotation has condemned it', async () => {
    const target = subjectsAs(uuid());
    await insertLeaked();
    await planRotation(ticketContext(database, { target }));
    await database.$executeRaw`UPDATE tickets SET subject = 'tk_live_' || replace(token::text, '-', '')`;
    expect(await lookUp(target)).toMatchObject({ checked: 30, unreadable: { lines: [31] }, survivors: { count: 0 } });
  });

  it('is unreadable where no rotation has, or its hashes are gone', async () => {
    const target = subjectsAs(uuid());
    await insertLeaked();
    await planRotation(ticketContext(database, { target }));
    await database.$executeRaw`UPDATE tickets SET subject = 'tk_live_' || replace(token::text, '-', '')`;
    await database.$executeRaw`DELETE FROM condemned_tokens`;
    expect(await lookUp(target)).toMatchObject({ checked: 0, unreadable: { count: 31 } });
  });

  it.each([
    ['text', `encode(sha256(subject::bytea), 'hex')`, 'String'],
    ['bytea', 'sha256(subject::bytea)', 'Bytes'],
  ] as const)('was looked up where its hash was condemned, of type %s', async (type, hash, fieldType) => {
    await insertLeaked();
    await database.$executeRawUnsafe(`ALTER TABLE tickets ALTER subject TYPE ${type} USING ${hash}`);
    const target = subjectsAs(sha256(uuid()), fieldType);
    await planRotation(ticketContext(database, { target }));
    await database.$executeRawUnsafe(`UPDATE tickets SET subject = ${hash.replace('subject', 'token::text')}`);
    expect(await lookUp(target)).toMatchObject({ checked: 30, unreadable: { lines: [31] }, survivors: { count: 0 } });
    await database.$executeRaw`ALTER TABLE tickets ALTER subject TYPE text USING ''`;
  });

  async function insertLeaked(): Promise<void> {
    await insertTickets(database, keysUpTo(30));
    await database.$executeRaw`UPDATE tickets SET subject = 'seat-' || id`;
  }

  function lookUp(target: Target) {
    const list = async function* () {
      yield Buffer.from([...LEAKED, 'nothing'].join('\n'));
    };
    return findSurvivors(ticketContext(database, { target }), readLeakedList(list(), { format: 'plain' }));
  }

  /** The tickets' subjects as a target. */
  function subjectsAs(kind: TokenKind, type: 'String' | 'Bytes' = 'String'): Target {
    const target = resolveTarget({ model: 'Ticket', key: 'id', token: 'subject', kind }, dataModelOf(database));
    return { ...target, token: { ...target.token, type } };
  }
});
