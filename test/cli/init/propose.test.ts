import { describe, expect, it } from '@jest/globals';
import { configText, proposeTargets } from '../../../src/cli/init/propose.ts';
import type { DataModel } from '../../../src/config/data-model.ts';

/** A data model: for each model its fields, as `type` or `type column`. */
function modelsOf(models: Record<string, Record<string, string>>): DataModel {
  const fieldsOf = (fields: Record<string, string>) =>
    Object.entries(fields).map(([name, text]) => {
      const [type = '', dbName] = text.split(' ');
      return { name, type, kind: /^[A-Z]\w*(\[\])?$/.test(type) && type in models ? 'object' : 'scalar', dbName };
    });
  return {
    models: Object.fromEntries(Object.entries(models).map(([name, fields]) => [name, { fields: fieldsOf(fields) }])),
  };
}

describe('the proposal of targets', () => {
  const MODELS = modelsOf({
    Session: { id: 'String', sessionToken: 'String session_token', userId: 'String', expires: 'DateTime' },
    ApiKey: { tenantId: 'Int tenant_id', number: 'Int', hashedKey: 'Bytes hashed_key', name: 'String' },
    Webhook: { id: 'Int', secret: 'String', previousSecret: 'String', signingToken: 'String signing' },
    Address: { id: 'Int', postcode: 'String', countryCode: 'String', token: 'Int' },
    Rotation: { name: 'String', token: 'String' },
    Note: { id: 'Int', token: 'String' },
  });
  const stored = (model: string, primaryKey: string[], uuids: string[] = []) => ({ model, primaryKey, uuids });
  const proposals = proposeTargets(MODELS, [
    stored('Session', ['id']),
    stored('ApiKey', ['tenant_id', 'number']),
    stored('Webhook', ['id'], ['signing']),
    stored('Address', ['id']),
    stored('Rotation', ['name']),
    stored('Note', []),
  ]);

  it('goes by names and types of fields, and by the primary key in the database', () => {
    expect(proposals).toEqual([
      { model: 'Session', key: ['id'], token: 'sessionToken', kind: 'base64url({ bytes: 32 })' },
      { model: 'ApiKey', key: ['tenantId', 'number'], token: 'hashedKey', kind: 'sha256(base64url({ bytes: 32 }))' },
      { model: 'Webhook', key: ['id'], token: 'secret', kind: 'base64url({ bytes: 32 })' },
      { model: 'Webhook', key: ['id'], token: 'previousSecret', kind: 'base64url({ bytes: 32 })' },
      { model: 'Webhook', key: ['id'], token: 'signingToken', kind: 'uuid()' },
    ]);
  });

  it('is written as a configuration, with a name for each', () => {
    const text = configText('./generated/prisma/client.ts', proposals);
    expect(text).toMatch(/^import \{ base64url, defineTargets, sha256, uuid \} from 'rotate-tokens';\n/);
    expect([...text.matchAll(/^ {2}(\w+): \{$/gm)].map(([, name]) => name)).toEqual([
      'session',
      'apiKey',
      'webhookSecret',
      'webhookPreviousSecret',
      'webhookSigningToken',
    ]);
    expect(text).toContain("    key: ['tenantId', 'number'],\n    token: 'hashedKey',\n");
  });
});
