import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { dataModelOf } from '../../src/config/data-model.ts';

describe('the data model of a client', () => {
  it('has the models of the Prisma schema, with their names in the database', () => {
    const { models } = dataModelOf(openTicketDatabase('postgresql://nowhere'));
    expect(models.Ticket?.dbName).toBe('tickets');
    expect(models.RotationCheckpoint?.dbName).toBe('rotation_checkpoints');
  });

  it('knows which fields are of an enum that has other values in the database', () => {
    const client = {
      _runtimeDataModel: {
        models: {
          User: {
            fields: ['Plan', 'State', 'Role'].map((type) => ({ name: type.toLowerCase(), kind: 'enum', type })),
          },
        },
      },
      _engineConfig: {
        inlineSchema: `
          enum Plan {
            PRO   @map("BASIC")
            BASIC
          }
          enum State {
            OPEN
            SHUT // once @map("closed")

            @@map("states")
          }
          enum Role { USER }`,
      },
    };
    const { fields } = dataModelOf(client).models.User ?? { fields: [] };
    expect(fields.map(({ name, isMappedEnum }) => [name, isMappedEnum])).toEqual([
      ['plan', true],
      ['state', false],
      ['role', false],
    ]);
  });

  it('is missing in what is no client', () => {
    expect(() => dataModelOf({})).toThrow(expect.objectContaining({ name: 'ConfigurationError' }));
  });
});
