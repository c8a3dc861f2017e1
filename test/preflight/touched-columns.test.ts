import { describe, expect, it } from '@jest/globals';
import { resolveTarget } from '../../src/config/resolve-target.ts';
import type { TargetDefinition } from '../../src/config/target.ts';
import { uuid } from '../../src/config/token-kinds.ts';
import { judgeTouchedColumns } from '../../src/preflight/touched-columns.ts';

/** A model with these fields besides its key and its token. */
function targetWith(fields: Record<string, string>, more: Partial<TargetDefinition> = {}) {
  const all = { id: 'Int', token: 'String', ...fields };
  const model = { fields: Object.entries(all).map(([name, type]) => ({ name, kind: 'scalar', type })) };
  const definition = { model: 'Key', key: 'id', token: 'token', kind: uuid(), ...more };
  return resolveTarget(definition, { models: { Key: model } });
}

describe('the preflight of columns that say when a row was changed', () => {
  it.each(['updatedAt', 'updated_at', 'updated', 'lastUpdatedAt', 'modifiedOn', 'ModifiedDate', 'changed_at'])(
    'warns of one that nothing will write: %s',
    (name) => {
      expect(judgeTouchedColumns(targetWith({ [name]: 'DateTime' }), [])).toEqual({
        level: 'warning',
        message: expect.stringContaining('will keep the time of the last change.'),
        advice: `If caches or synchronization depend on it, give the target touch: '${name}'.`,
      });
    },
  );

  it.each(['createdAt', 'updatedBy', 'lastUpdateCheckAt', 'expiresAt', 'unchanged', 'rotatedAt'])(
    'does not take another one for that: %s',
    (name) => {
      expect(judgeTouchedColumns(targetWith({ [name]: 'DateTime' }), []).level).toBe('ok');
    },
  );

  it('does not warn of one that is touched, is no time, or may be written by set or a trigger', () => {
    const fields = { updatedAt: 'DateTime' };
    expect(judgeTouchedColumns(targetWith(fields, { touch: 'updatedAt' }), []).level).toBe('ok');
    expect(judgeTouchedColumns(targetWith({ updatedAt: 'String' }), []).level).toBe('ok');
    expect(judgeTouchedColumns(targetWith(fields, { set: () => ({}) }), []).level).toBe('ok');
    expect(judgeTouchedColumns(targetWith(fields), ['set_updated_at']).level).toBe('ok');
  });
});
