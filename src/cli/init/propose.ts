import type { DataModel, Model } from '../../config/data-model.ts';

/** What the database says about a model's table: its primary key, and which of its columns are of type uuid. */
export interface StoredModel {
  model: string;
  /** Names of columns. */
  primaryKey: string[];
  uuids: string[];
}

/** A target as `init` proposes it. */
export interface Proposal {
  model: string;
  key: string[];
  token: string;
  kind: 'uuid()' | 'base64url({ bytes: 32 })' | 'sha256(base64url({ bytes: 32 }))';
}

/** Names of fields that may hold something secret that lets somebody in. */
const SECRET =
  /(token|secret|api_?key|key_?hash|hashed_?key|(?<!post|zip|country|currency|language|error|status)code)(_?hash)?$/i;
const HASHED = /hash/i;

/** Models of this package, and of Prisma itself. */
const NOT_OF_THE_PROJECT = /^(Rotation|RotationCheckpoint|RotationRun|RotationOrder|RotationCheck|CondemnedTokens)$/;

/**
 * Proposes targets by the names and types of fields. It is never more than a proposal: names can mislead.
 *
 * @returns those whose table has a primary key, in the order of the models
 */
export function proposeTargets({ models }: DataModel, stored: readonly StoredModel[]): Proposal[] {
  return stored.flatMap(({ model: name, primaryKey, uuids }) => {
    const model = models[name];
    if (model === undefined || primaryKey.length === 0 || NOT_OF_THE_PROJECT.test(name)) return [];
    const key = primaryKey.flatMap((column) => fieldOf(model, column)?.name ?? []);
    if (key.length < primaryKey.length) return []; // a column that Prisma does not know
    const tokens = model.fields.filter(
      ({ name: field, kind, type }) =>
        kind === 'scalar' && (type === 'String' || type === 'Bytes') && SECRET.test(field) && !key.includes(field),
    );
    return tokens.map(({ name: token, dbName }): Proposal => {
      const isUuid = uuids.includes(dbName ?? token);
      const hashed = HASHED.test(token) ? 'sha256(base64url({ bytes: 32 }))' : 'base64url({ bytes: 32 })';
      return { model: name, key, token, kind: isUuid ? 'uuid()' : hashed };
    });
  });
}

function fieldOf({ fields }: Model, column: string): Model['fields'][number] | undefined {
  return fields.find(({ name, dbName }) => (dbName ?? name) === column);
}

/** @param client what the configuration imports the client from */
export function configText(client: string, proposals: readonly Proposal[]): string {
  const makers = ['base64url', 'sha256', 'uuid'].filter((maker) =>
    proposals.some(({ kind }) => new RegExp(`\\b${maker}\\(`).test(kind)),
  );
  const names = namesOf(proposals);
  return [
    `import { ${[...makers, 'defineTargets'].sort().join(', ')} } from 'rotate-tokens';`,
    `import { PrismaClient } from '${client}';`,
    '',
    '// Proposed by names and types. Delete what lets nobody in, and correct each kind: it is the form of the new tokens.',
    'export default defineTargets(PrismaClient, {',
    ...proposals.flatMap(({ model, key, token, kind }, index) => [
      `  ${names[index]}: {`,
      `    model: '${model}',`,
      `    key: ${key.length === 1 ? `'${key[0]}'` : `[${key.map((field) => `'${field}'`).join(', ')}]`},`,
      `    token: '${token}',`,
      `    kind: ${kind},`,
      '  },',
    ]),
    '});',
    '',
  ].join('\n');
}

/** `session`; or, where a model has several tokens, `webhookSecret`. */
function namesOf(proposals: readonly Proposal[]): string[] {
  return proposals.map(({ model, token }) => {
    const isOnly = proposals.filter((other) => other.model === model).length === 1;
    const own = model.charAt(0).toLowerCase() + model.slice(1);
    return isOnly ? own : `${own}${token.charAt(0).toUpperCase()}${token.slice(1)}`;
  });
}
