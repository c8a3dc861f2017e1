import { describe, expect, it } from '@jest/globals';
import { enumsIn } from '../../src/config/enums.ts';

describe('the enums of a Prisma schema', () => {
  it('have values with their names in the database', () => {
    const schema = `
/// What is paid for.
enum Plan {
  FREE  @map("free plan") // for a while
  BASIC @map(name: "basic")
  PRO

  @@map("plan")
}

model Enumeration {
  plan Plan
}
`;
    expect(enumsIn(schema)).toEqual({
      Plan: new Map([
        ['FREE', 'free plan'],
        ['BASIC', 'basic'],
        ['PRO', 'PRO'],
      ]),
    });
  });
});
