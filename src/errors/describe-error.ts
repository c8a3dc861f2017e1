import { constants } from 'node:os';
import { meaningOf } from './fault-table.ts';
import { databaseFault } from './faults.ts';
import { placeInCode } from './place-in-code.ts';
import { RotationError } from './rotation-error.ts';

/**
 * Describes any error in one line that is safe to print, log or store: it never holds a token, a row's value or a
 * password.
 *
 * No text of the server is in it, not even one that looks like a message of PostgreSQL: a trigger can raise any text
 * under any code, and dynamic SQL can put a token into the name of a table, a column, a function or a constraint.
 *
 * @param error whatever was thrown
 */
export function describeError(error: unknown): string {
  return error instanceof RotationError ? error.message : describeFault(error);
}

function describeFault(error: unknown): string {
  const { code, answered } = databaseFault(error);
  if (code !== undefined) return answered ? `the database reported ${code}. ${meaningOf(code)}` : meaningOf(code);
  const place = placeInCode(error);
  return `unexpected ${kindOfThrown(error)}${place === undefined ? '' : ` at ${place}`}`;
}

/**
 * Names the class as its code declares it, and the code of a system error. The properties `name` and `code` may be set
 * to any text.
 */
function kindOfThrown(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { name } = Object.getPrototypeOf(error).constructor;
  const code = 'code' in error && Object.keys(constants.errno).find((known) => known === error.code);
  return `${/^\w+Error$/.test(name) ? name : 'Error'}${code ? ` (${code})` : ''}`;
}
