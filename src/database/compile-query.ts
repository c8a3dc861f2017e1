import { PrismaPg } from '@prisma/adapter-pg';
import { arrayLiteral } from './array-literal.ts';
import type { ClientConstructor, Database } from './database.ts';
import { queriesOf } from './models.ts';
import { Sql } from './sql.ts';

/** A query as it is handed to the driver of PostgreSQL. */
interface Query {
  text: string;
  values: unknown[];
}

/**
 * Has Prisma compile a query of a model, and sends nothing: the connection is one that only writes down.
 *
 * @param schema the one of tables that the Prisma schema names no schema of
 * @returns the query as SQL; undefined if Prisma needs more than one statement for it
 * @throws PrismaClientValidationError when it is no valid query of the model
 */
export async function compileFindMany(
  PrismaClient: ClientConstructor<Database>,
  schema: string,
  model: string,
  query: { where: object; select: Record<string, true> },
): Promise<Sql | undefined> {
  const recorded: Query[] = [];
  const adapter = new PrismaPg({}, { schema });
  const connection = await adapter.connect(); // a pool, which connects with its first query
  const record = async (query: Query) => {
    recorded.push(query);
    return { fields: [], rows: [] };
  };
  Object.assign(connection.underlyingDriver(), { query: record });
  adapter.connect = async () => connection;
  const client = new PrismaClient({ adapter, comments: [], errorFormat: 'minimal' });
  await queriesOf(client, model).findMany(query);
  await client.$disconnect();
  const [only, more] = recorded;
  return more === undefined && only !== undefined ? toSql(only) : undefined;
}

/** A quoted name, or a parameter. */
const NAME_OR_PARAMETER = /"(?:[^"]|"")*"|\$(\d+)/g;

/** Prisma ends each query with an offset of 0, past which the planner moves no condition. */
const OFFSET = / OFFSET \$\d+$/;

function toSql(query: Query): Sql {
  const text = query.text.replace(OFFSET, '');
  const [strings, values]: [string[], unknown[]] = [[], []];
  let start = 0;
  for (const match of text.matchAll(NAME_OR_PARAMETER)) {
    if (match[1] === undefined) continue;
    strings.push(text.slice(start, match.index));
    values.push(parameterOf(query.values[Number(match[1]) - 1]));
    start = match.index + match[0].length;
  }
  return new Sql([...strings, text.slice(start)], values);
}

/** Parameters go as text without a type, so PostgreSQL gives them that of the column. */
function parameterOf(value: unknown): unknown {
  if (Array.isArray(value)) return arrayLiteral(value.map(textOf));
  return value === null || value instanceof Uint8Array ? value : String(value);
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : String(value);
}
