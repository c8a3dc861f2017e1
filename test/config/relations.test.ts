import { describe, expect, it } from '@jest/globals';
import { openTicketDatabase } from '../../scripts/support/ticket-database.ts';
import { dataModelOf } from '../../src/config/data-model.ts';
import { relationsIn } from '../../src/config/relations.ts';

describe('the relations of a Prisma schema', () => {
  it('are found with the fields that hold the values, and those that they are of', () => {
    const schema = `
generator client {
  provider = "prisma-client"
}

/// Logs in with a key.
model Login {
  id      Int    @id
  hash    String @map("key_hash")
  tenant  Int
  apiKey  ApiKey @relation("logins", fields: [hash, tenant], references: [hashedKey, tenantId], onDelete: Cascade)
  // other ApiKey @relation(fields: [id], references: [id])
  boss    Login? @relation(references: [id], fields: [bossId], map: "boss")
  bossId  Int?
  workers Login[]
}
`;
    expect(relationsIn(schema)).toEqual([
      {
        model: 'Login',
        name: 'apiKey',
        fields: ['hash', 'tenant'],
        to: 'ApiKey',
        references: ['hashedKey', 'tenantId'],
      },
      { model: 'Login', name: 'boss', fields: ['bossId'], to: 'Login', references: ['id'] },
    ]);
  });

  it('are known by a generated client', () => {
    expect(dataModelOf(openTicketDatabase('postgresql://nowhere')).relations).toContainEqual({
      model: 'RotationCheckpoint',
      name: 'parent',
      fields: ['rotation'],
      to: 'Rotation',
      references: ['name'],
    });
  });
});
