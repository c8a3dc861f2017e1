import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { dataModelOf } from '../../src/config/data-model.ts';

describe('the data model of a client', () => {
  it('has the models of the Prisma schema, with their names in the database', () => {
    const { models } = dataModelOf(openTicketDatabase('postgresql://nowhere'));
    expect(models.Ticket?.dbName).toBe('tickets');
    expect(models.RotationCheckpoint?.dbName).toBe('rotation_checkpoints');
  });

  it('is missing in what is no client', () => {
    expect(() => dataModelOf({})).toThrow(expect.objectContaining({ name: 'ConfigurationError' }));
  });
});
