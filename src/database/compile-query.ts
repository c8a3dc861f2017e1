import { PrismaPg } from '@prisma/adapter-pg';
import { arrayLiteral } from './array-literal.ts';
import type { ClientConstructor, Database } from './database.ts';
import { queriesOf } from './models.ts';
import { Sql } from './sql.ts';

type Connection = Awaited<ReturnType<PrismaPg['connect']>>;
type Query = Parameters<Connection['queryRaw']>[0];

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
  connection.queryRaw = async (query) => {
    recorded.push(query);
    return { columnNames: [], columnTypes: [], rows: [] };
  };
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

function toSql({ sql, args, argTypes }: Query): Sql {
  const text = sql.replace(OFFSET, '');
  const [strings, values]: [string[], unknown[]] = [[], []];
  let start = 0;
  for (const match of text.matchAll(NAME_OR_PARAMETER)) {
    if (match[1] === undefined) continue;
    const index = Number(match[1]) - 1;
    strings.push(text.slice(start, match.index));
    values.push(parameterOf(args[index], argTypes[index]?.scalarType));
    start = match.index + match[0].length;
  }
  return new Sql([...strings, text.slice(start)], values);
}

/** Parameters go as text without a type, so PostgreSQL gives them that of the column. */
function parameterOf(value: unknown, type: string | undefined): unknown {
  if (Array.isArray(value)) return arrayLiteral(value.map(String));
  if (type === 'bytes' && typeof value === 'string') return Buffer.from(value, 'base64');
  if (value === null || value instanceof Uint8Array) return value;
  return value instanceof Date ? value.toISOString() : String(value);
}
