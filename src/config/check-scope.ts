import { ConfigurationError } from '../errors/errors.ts';
import type { DataModel, Model } from './data-model.ts';
import type { Target } from './target.ts';

/** The parts of a `where` that combine others. */
const COMBINING = ['AND', 'OR', 'NOT'];

/** The parts of a condition on a relation that hold a `where` of its model. */
const OF_RELATION = ['some', 'every', 'none', 'is', 'isNot'];

/** What a `where` is looked at with. */
interface Context {
  target: Pick<Target, 'model' | 'token'>;
  models: DataModel['models'];
}

/**
 * Prisma takes undefined, an empty object and an empty list for "no condition". They are refused, since they would mean
 * every row. So is a condition on the token itself, which would be recorded.
 *
 * @throws ConfigurationError naming the part
 */
export function refuseUnclear(where: unknown, target: Context['target'], models: Context['models']): void {
  refuseUndefined(where, 'scope');
  checkWhere({ target, models }, where, models[target.model], 'scope');
}

/** A value in it, at any depth. */
function refuseUndefined(value: unknown, path: string): void {
  if (value === undefined) throw new ConfigurationError(`${path} is undefined.`);
  if (Array.isArray(value)) for (const [index, each] of value.entries()) refuseUndefined(each, `${path}[${index}]`);
  else if (isPlain(value)) for (const [name, each] of Object.entries(value)) refuseUndefined(each, `${path}.${name}`);
}

function checkWhere(context: Context, where: unknown, model: Model | undefined, path: string): void {
  if (!isPlain(where) || isEmpty(where)) throw new ConfigurationError(`${path} must be an object with a condition.`);
  for (const [name, part] of Object.entries(where)) {
    const place = `${path}.${name}`;
    if (COMBINING.includes(name)) checkParts(context, part, model, place);
    else checkField(context, part, model, place, name);
  }
}

function checkParts(context: Context, parts: unknown, model: Model | undefined, path: string): void {
  if (!Array.isArray(parts)) checkWhere(context, parts, model, path);
  else if (parts.length === 0) throw new ConfigurationError(`${path} is empty.`);
  else for (const [index, part] of parts.entries()) checkWhere(context, part, model, `${path}[${index}]`);
}

function checkField(context: Context, condition: unknown, model: Model | undefined, path: string, name: string): void {
  const { target, models } = context;
  const isToken = model !== undefined && model === models[target.model] && name === target.token.field;
  if (isToken && !asksWhetherItIsThere(condition)) {
    throw new ConfigurationError(`a scope may only test whether the token is set: { ${name}: { not: null } }.`);
  }
  const field = model?.fields.find((each) => each.name === name);
  if (field?.kind === 'object') checkRelation(context, condition, models[field.type], path);
  else if (isPlain(condition) && isEmpty(condition)) throw new ConfigurationError(`${path} is an empty filter.`);
}

function checkRelation(context: Context, condition: unknown, related: Model | undefined, path: string): void {
  if (!isPlain(condition)) return;
  const ofRelation = Object.entries(condition).filter(([name]) => OF_RELATION.includes(name));
  if (ofRelation.length === 0) checkWhere(context, condition, related, path);
  for (const [name, part] of ofRelation) {
    // An empty one has a meaning here: that there is a row.
    if (isPlain(part) && !isEmpty(part)) checkWhere(context, part, related, `${path}.${name}`);
  }
}

/** @returns true if it is `{ not: null }` */
export function asksWhetherItIsThere(filter: unknown): boolean {
  return isPlain(filter) && Object.keys(filter).join() === 'not' && filter.not === null;
}

/** @returns true for an object that is written down as such, and no date, decimal or the like */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
